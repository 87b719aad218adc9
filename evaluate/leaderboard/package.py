"""Make an entry's folder of a result: check it first, then write it for a pull request."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagenetq.entry import ENTRY_NAME, MAX_ENTRY_BYTES, read_entry
from imagenetq.errors import EntryError, FolderError, UsageError
from imagenetq.evaluate.leaderboard.checks.check import check_result
from imagenetq.evaluate.leaderboard.checks.findings import Finding
from imagenetq.evaluate.leaderboard.entry.submission import (
    MAX_FOLDER,
    SUBMISSION_NAME,
    Submission,
    folder_name_of,
    is_folder_name,
)
from imagenetq.evaluate.results.registered_sources import KnownSource
from imagenetq.files import is_temporary, read_bounded, unreadable_as, write_whole
from imagenetq.predictions import PREDICTIONS_NAME
from imagenetq.predictions_check import MAX_PREDICTIONS_BYTES

MAX_BESIDE_BYTES = 2**20
"""Most bytes of predictions in a Git repository; larger ones belong on the Hub."""


@dataclass(frozen=True)
class CheckedResult:
    """A result that may be handed in."""

    folder: Path
    entry: bytes
    """Content of its `entry.json`."""

    findings: tuple[Finding, ...]
    """What the check found; no finding is FAIL."""

    @property
    def predictions(self) -> Path:
        """The file of its predictions."""
        return self.folder / PREDICTIONS_NAME


@dataclass(frozen=True)
class Package:
    """An entry that is ready to be handed in."""

    name: str
    """Name of the entry's folder."""

    files: Mapping[str, bytes]
    """The entry's files by name, without predictions that are on the Hub already."""


def check_submittable(results: Path, source: KnownSource | None = None) -> CheckedResult:
    """Recompute a result, and refuse it if it is damaged or wrong.

    A source is that of the dataset at hand, which must be the one that it was evaluated on.
    """
    entry = read_entry(results / ENTRY_NAME, follow_link=False)
    if source is not None and source.digest != entry.source_digest:
        raise EntryError(
            f"{results}: of source {(entry.source_digest or 'unknown')[:12]}, but the dataset is "
            f"of {source.digest[:12]}; give the one that it was evaluated on"
        )
    findings = check_result(entry, results / PREDICTIONS_NAME, source=source)
    for finding in findings:
        if finding.level == "FAIL":
            raise EntryError(f"{results}: {finding.text}")
    return CheckedResult(results, _content(results / ENTRY_NAME, MAX_ENTRY_BYTES), findings)


def pack(result: CheckedResult, submission: Submission, folder: str | None = None) -> Package:
    """Make an entry of a checked result; for `folder` and errors see `entry_name`."""
    files = {ENTRY_NAME: result.entry, SUBMISSION_NAME: submission.to_json().encode()}
    if submission.predictions is None:
        files[PREDICTIONS_NAME] = _content(result.predictions, MAX_PREDICTIONS_BYTES)
    return Package(entry_name(submission.name, folder), files)


def entry_name(name: str, folder: str | None) -> str:
    """Check the submitter's choice of a folder's name; without one, make it of the model's name."""
    if folder is None:
        return folder_name_of(name)
    if not is_folder_name(folder):
        raise UsageError(
            f"--folder {folder[:MAX_FOLDER]!a}: use lower-case letters and digits, with single "
            "dots, dashes or underscores between them"
        )
    return folder


def write_package(package: Package, out: Path) -> Path:
    """Write an entry's folder into that of all entries, for a pull request on Git."""
    size = len(package.files.get(PREDICTIONS_NAME, b""))
    if size > MAX_BESIDE_BYTES:
        raise EntryError(
            f"{PREDICTIONS_NAME} has {size} bytes, too many for Git; give --predictions ORG/NAME, "
            "a dataset repository of yours on the Hub, to keep them there"
        )
    path = out / package.name
    if path.exists() and not _is_same(path, package):
        raise FolderError(
            f"{path}: another entry is there; remove it to replace it, or give another --folder"
        )
    # The entry comes last, so that a folder with an entry is complete.
    for name in sorted(package.files, key=lambda name: name == ENTRY_NAME):
        write_whole(path / name, package.files[name])
    return path


def _content(path: Path, limit: int) -> bytes:
    with unreadable_as(EntryError, path):
        return read_bounded(path, limit, follow_link=False)


def _is_same(path: Path, package: Package) -> bool:
    """Tell whether a folder holds an entry, or part of it, and nothing else."""
    try:
        # A process that was killed while it wrote may have left temporary files.
        files = [file for file in path.iterdir() if not is_temporary(file.name)]
        return all(package.files.get(file.name) == file.read_bytes() for file in files)
    except OSError:
        return False
