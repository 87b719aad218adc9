"""Look at an entry's folder, which may come from anyone, before anything in it is opened."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagenetq.entry import ENTRY_NAME, Entry, read_entry
from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.entry.submission import (
    FILES,
    FOLDER_PATTERN,
    SUBMISSION_NAME,
    Submission,
    is_folder_name,
    read_submission,
)
from imagenetq.files import unreadable_as
from imagenetq.predictions import PREDICTIONS_NAME

_MAX_ENTRIES = 10_000


@dataclass(frozen=True)
class EntryFolder:
    """An entry as it was handed in; its predictions are not read yet."""

    path: Path
    entry: Entry
    """What was evaluated, with what result; none of it is checked."""

    submission: Submission
    """What the submitter says."""

    @property
    def predictions(self) -> Path | None:
        """The predictions in the folder; None if they are on the Hub."""
        return None if self.submission.predictions else self.path / PREDICTIONS_NAME


def entry_paths(folder: Path) -> list[Path]:
    """List what is in a folder of entries, sorted by name, or the folder if it is an entry."""
    # A link that leads nowhere is a file of an entry, too, to be complained of.
    if any(os.path.lexists(folder / name) for name in (ENTRY_NAME, SUBMISSION_NAME)):
        return [folder]
    try:
        names = list(_names(folder, _MAX_ENTRIES))
    except OSError as reason:
        raise EntryError(
            f"{folder}: cannot be read ({reason.strerror}); name a folder of entries, such as "
            "leaderboard/entries"
        ) from None
    if not names:
        raise EntryError(f"{folder}: no entries in it")
    return [folder / name for name in sorted(names)]


def read_folder(path: Path) -> EntryFolder:
    """Look at an entry's folder, and read all of it but the predictions."""
    if not is_folder_name(path.absolute().name):
        raise EntryError(
            "no name for an entry's folder; use lower-case letters and digits, with single dots, "
            f"dashes or underscores between them ({FOLDER_PATTERN})"
        )
    if not stat.S_ISDIR(_mode(path)):
        raise EntryError(f"no folder; an entry is a folder with {ENTRY_NAME}")
    names = set(_names(path, 2 * len(FILES)))
    for name in sorted(names):
        if name not in FILES:
            raise EntryError(f"holds {shown(name)}, which no entry does; remove it")
        if not stat.S_ISREG(_mode(path / name)):
            raise EntryError(f"{name} is no plain file")
    for name in (ENTRY_NAME, SUBMISSION_NAME):
        if name not in names:
            raise EntryError(f"lacks {name}; `imagenetq submit` writes it")
    folder = EntryFolder(
        path,
        read_entry(path / ENTRY_NAME, follow_link=False),
        read_submission(path / SUBMISSION_NAME),
    )
    if folder.predictions is None and PREDICTIONS_NAME in names:
        raise EntryError(
            f"{SUBMISSION_NAME} says that the predictions are on the Hub, but "
            f"{PREDICTIONS_NAME} is here too; keep one of them"
        )
    if folder.predictions is not None and PREDICTIONS_NAME not in names:
        raise EntryError(f"lacks {PREDICTIONS_NAME}, and {SUBMISSION_NAME} names no place for it")
    return folder


def shown(name: str) -> str:
    """Make a stranger's file name fit for a message."""
    return ascii(name[:80])


def _names(folder: Path, limit: int) -> Iterator[str]:
    with os.scandir(folder) as files:
        for i, file in enumerate(files):
            if i == limit:
                raise EntryError(f"{folder}: more than {limit} files in it")
            yield file.name


def _mode(path: Path) -> int:
    """Read the mode of a file; a link is not followed."""
    with unreadable_as(EntryError, path):
        return path.lstat().st_mode
