"""Write a report's files into a folder, replacing only files that an earlier report wrote."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from imagenetq.errors import FolderError
from imagenetq.files import sha256_of, write_whole

RECORD = ".report.json"

_MADE_BY = "imagenetq report"

_Written = dict[str, list[str]]
"""SHA-256 of each file by its name; while a report is being written, also those before it."""


class ReportFolder:
    """A folder for reports, which may hold other files, too."""

    def __init__(self, path: Path) -> None:
        """Make the folder if it is absent, and read which files earlier reports wrote."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._written = _earlier(path / RECORD)

    def require_own(self, names: Iterable[str]) -> None:
        """Refuse to replace files that no report wrote, or that were changed since."""
        for name in names:
            path = self.path / name
            if path.exists() and not self._is_own(path):
                raise FolderError(
                    f"{path}: is there, and {_MADE_BY} did not write it, or it was changed since; "
                    "move it, or give another --out"
                )

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write a report's files in their order, each at once; those of earlier reports stay."""
        self.require_own(files)
        new = {name: [sha256(content).hexdigest()] for name, content in files.items()}
        # If the process is killed on the way, the next report still knows these files as its own.
        self._record({name: [*self._written.get(name, []), *of] for name, of in new.items()})
        for name, content in files.items():
            write_whole(self.path / name, content)
        self._record(new)

    def _is_own(self, path: Path) -> bool:
        return path.is_file() and sha256_of(path) in self._written.get(path.name, [])

    def _record(self, written: _Written) -> None:
        self._written |= written
        text = json.dumps({"made_by": _MADE_BY, "files": self._written}, indent=1) + "\n"
        write_whole(self.path / RECORD, text.encode())


def _earlier(record: Path) -> _Written:
    """Read which files earlier reports wrote; none if there is no valid record."""
    try:
        stated = json.loads(record.read_bytes())
        if stated["made_by"] != _MADE_BY:
            return {}
        return {str(name): list(map(str, hashes)) for name, hashes in stated["files"].items()}
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
