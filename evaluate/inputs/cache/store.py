"""Keep prepared inputs in a folder, one file for each task and preprocessing.

A file's name is a hash of all that decides its samples: the pixels' own hashes or those of the
files that they come from, the preprocessing, and the version of Pillow that ran it. So no file is
ever stale, whoever made it. A damaged one is removed, since only time is lost with it.
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
from imagenetq.evaluate.inputs.cache.cached_inputs import CachedInputs, DamagedInputs, NewInputs
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing
from imagenetq.files import TEMPORARY_PREFIX, is_stale, temporary_path
from imagenetq.progress import say

_SUFFIX = ".crops"
_FORMAT = 2
_OURS = re.compile(r"[0-9a-f]{64}\.(crops|npy|json)")
"""Names of files, also of the two that each task had in the first format. No other files are
touched, except temporary ones."""

_LOOK_SECONDS = 30.0
"""Seconds after which the folder's size is added up again, since others may fill it too."""


class _File(NamedTuple):
    """A file of the cache; files sort by the time of their last use."""

    used: float
    n_bytes: int
    path: Path

    is_finished: bool
    """Whether it has its final name; only then may it be removed to make room."""


class Store:
    """A folder of prepared inputs; those least recently used go when it becomes too large."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Make the folder if there is none, and add up what it holds."""
        self.folder = folder
        self.max_bytes = max_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be a cache ({error.strerror})") from None
        self._look()

    def key(self, fingerprint: str | None, preprocessing: AnyPreprocessing) -> str | None:
        """Name the inputs of some samples; None if not all that decides them is known."""
        is_known = isinstance(preprocessing, Preprocessing) and preprocessing.input_size is not None
        if fingerprint is None or not is_known:
            return None
        named = {
            "format": _FORMAT,
            "samples": fingerprint,
            "preprocessing": type(preprocessing).__name__,
            "arguments": preprocessing.record(),
            "pillow": PIL.__version__,
        }
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()

    def find(self, key: str) -> CachedInputs | None:
        """Find the inputs of a name; None if there are none, or damaged ones, which are removed."""
        path = self._path(key)
        try:
            inputs = CachedInputs.open(path)
        except FileNotFoundError:
            return None
        except DamagedInputs as damage:
            self.drop(path, damage)
            return None
        with suppress(OSError):  # What was just used is removed last; a cache may be read-only.
            os.utime(path)
        return inputs

    def drop(self, path: Path, damage: DamagedInputs) -> None:
        """Remove a damaged file, and say so once, however many threads find it."""
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

    def new(self, key: str, n_samples: int, size: tuple[int, int]) -> NewInputs | None:
        """Begin a file, and make room for it by removing the least recently used ones.

        It gives None if there can be no room, and raises OSError if it cannot be written.
        """
        n_bytes = n_samples * size[0] * size[1] * 3
        if self._used + n_bytes > self.max_bytes or time.monotonic() > self._look_again:
            self._make_room(n_bytes)
        if self._used + n_bytes > self.max_bytes:
            return None
        inputs = NewInputs(self._path(key), n_samples, size)
        self._used += n_bytes
        return inputs

    def abort(self, inputs: NewInputs) -> None:
        """Remove a file that will not be finished."""
        inputs.abort()
        self._used -= inputs.n_bytes

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _make_room(self, n_bytes: int) -> None:
        for file in sorted(self._look()):
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
