"""A report's folder: which of its files an earlier report wrote, and so a later one may replace."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from imagenetq.errors import FolderError
from imagenetq.files import sha256_of, write_whole

RECORD = ".report.json"

_MADE_BY = "imagenetq report"

_Written = dict[str, list[str]]
"""Of each file the SHA-256 that it has; while a report is written, also the one that it had."""


class ReportFolder:
    """A folder for reports, in which other files may lie, too."""

    def __init__(self, path: Path) -> None:
        """Make it if it is absent, and learn what earlier reports wrote.

        Raises:
            OSError: it cannot be made or read.
        """
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._written = _earlier(path / RECORD)

    def require_own(self, names: Iterable[str]) -> None:
        """Refuse to replace what no report wrote.

        Raises:
            FolderError: a file is there that no report wrote, or that was changed since.
        """
        for name in names:
            place = self.path / name
            if place.exists() and not self._is_own(place):
                raise FolderError(
                    f"{place}: is there, and {_MADE_BY} did not write it, or it was changed since; "
                    "move it, or give another --out"
                )

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write a report's files, each as a whole; what earlier reports wrote besides stays.

        Args:
            files: by name, in the order in which they are written.

        Raises:
            FolderError: as `require_own`; then nothing was written.
            OSError: they cannot be written.
        """
        self.require_own(files)
        new = {name: [sha256(content).hexdigest()] for name, content in files.items()}
        # Whatever a kill leaves is known as a report's to the next one.
        self._record({name: [*self._written.get(name, []), *of] for name, of in new.items()})
        for name, content in files.items():
            write_whole(self.path / name, content)
        self._record(new)

    def _is_own(self, place: Path) -> bool:
        return place.is_file() and sha256_of(place) in self._written.get(place.name, [])

    def _record(self, written: _Written) -> None:
        self._written |= written
        text = json.dumps({"made_by": _MADE_BY, "files": self._written}, indent=1) + "\n"
        write_whole(self.path / RECORD, text.encode())


def _earlier(record: Path) -> _Written:
    """What earlier reports wrote; nothing if no record of ours says so."""
    try:
        stated = json.loads(record.read_bytes())
        if stated["made_by"] != _MADE_BY:
            return {}
        return {str(name): list(map(str, hashes)) for name, hashes in stated["files"].items()}
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
