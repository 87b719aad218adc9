"""Keep prepared inputs in a folder, one file for each task and preprocessing.

An entry's name is a hash of all that decides its samples: the pixels' own hashes or those of the
files that they come from, the preprocessing, and the version of Pillow that ran it. So no entry is
ever stale, whoever made it. A damaged entry is removed, since only time is lost with it.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import PIL

from imagenetq.errors import UsageError
from imagenetq.evaluate.inputs.cache.entry import DamagedEntry, Entry, NewEntry
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing
from imagenetq.files import TEMPORARY_PREFIX, is_stale, temporary_path
from imagenetq.progress import say

_SUFFIX = ".crops"
_FORMAT = 2
_OURS = re.compile(r"[0-9a-f]{64}\.(crops|npy|json)")
"""Names of entries, and of the two files that each had in the first format. No other files are
touched, except temporary ones."""

_LOOK_SECONDS = 30.0
"""Seconds after which the folder's size is added up again, since others may fill it too."""


class _File(NamedTuple):
    """A file of the cache."""

    used: float
    """Time of its last use, in seconds since the epoch."""

    n_bytes: int
    """Size of the file, in bytes."""

    path: Path
    """Path of the file."""

    is_finished: bool
    """Whether it has its final name; only then may it be removed to make room."""


class Store:
    """A folder of entries; the least recently used are removed when it becomes too large."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Make the folder if there is none, and add up what it holds.

        Args:
            folder: made if absent.
            max_bytes: most bytes of all entries together.

        Raises:
            UsageError: it cannot be a folder.
        """
        self.folder = folder
        self.max_bytes = max_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be a cache ({error.strerror})") from None
        self._look()

    def key(self, fingerprint: str | None, preprocessing: AnyPreprocessing) -> str | None:
        """Name an entry; None if not all that decides its samples is known."""
        if fingerprint is None or not isinstance(preprocessing, Preprocessing):
            return None
        if preprocessing.input_size is None:
            return None
        named = {
            "format": _FORMAT,
            "samples": fingerprint,
            "preprocessing": type(preprocessing).__name__,
            "arguments": preprocessing.record(),
            "pillow": PIL.__version__,
        }
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()

    def find(self, key: str) -> Entry | None:
        """Find the entry of a name; None if there is none, or a damaged one, which is removed."""
        path = self._path(key)
        try:
            entry = Entry.open(path)
        except FileNotFoundError:
            return None
        except DamagedEntry as damage:
            self.drop(path, damage)
            return None
        with suppress(OSError):  # What was just used is removed last; a cache may be read-only.
            os.utime(path)
        return entry

    def drop(self, path: Path, damage: DamagedEntry) -> None:
        """Remove a damaged entry, and say so once, however many threads find it."""
        aside = temporary_path(path)
        try:
            path.rename(aside)
        except FileNotFoundError:  # Another thread removed it, and said so.
            return
        except OSError:  # In a read-only cache it stays.
            say(f"{path}: {damage}; it cannot be removed, and its inputs are made again")
            return
        say(f"{path}: {damage}; dropped from the cache, and its inputs are made again")
        with suppress(OSError):
            if aside.is_dir():
                shutil.rmtree(aside)
            else:
                aside.unlink()

    def new(self, key: str, n_samples: int, size: tuple[int, int]) -> NewEntry | None:
        """Begin an entry, and make room for it by removing the least recently used ones.

        Args:
            key: name of the entry.
            n_samples: number of samples that it will have.
            size: height and width of a crop.

        Returns:
            The entry; None if there can be no room for it.

        Raises:
            OSError: it cannot be written.
        """
        n_bytes = n_samples * size[0] * size[1] * 3
        if self._used + n_bytes > self.max_bytes or time.monotonic() > self._look_again:
            self._make_room(n_bytes)
        if self._used + n_bytes > self.max_bytes:
            return None
        entry = NewEntry(self._path(key), n_samples, size)
        self._used += n_bytes
        return entry

    def abort(self, entry: NewEntry) -> None:
        """Remove an entry that will not be finished."""
        entry.abort()
        self._used -= entry.n_bytes

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _make_room(self, n_bytes: int) -> None:
        files = self._look()
        for file in sorted(files):
            if self._used + n_bytes <= self.max_bytes:
                return
            if file.is_finished:
                with suppress(OSError):  # Another process removed it, or it is not ours to remove.
                    file.path.unlink()
                    self._used -= file.n_bytes

    def _look(self) -> list[_File]:
        """Find the cache's files, add them up, and remove what killed processes have left."""
        files = []
        for path in self.folder.glob("??/*"):
            is_temporary = path.name.startswith(TEMPORARY_PREFIX)
            if not is_temporary and not _OURS.fullmatch(path.name):
                continue
            with suppress(OSError):  # Another process may remove it meanwhile.
                state = path.stat()
                if is_temporary and is_stale(state):
                    path.unlink()
                elif stat.S_ISREG(state.st_mode):
                    files.append(_File(state.st_mtime, state.st_size, path, not is_temporary))
        self._used = sum(file.n_bytes for file in files)
        self._look_again = time.monotonic() + _LOOK_SECONDS
        return files
