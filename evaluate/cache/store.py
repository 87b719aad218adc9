"""Where prepared inputs lie: one file of crops and one of notes for each task and preprocessing.

An entry's name is a hash of all that decides its samples: the pixels' own hashes or those of the
files that they come from, the preprocessing, and the Pillow that ran it. So no entry is ever
stale, whoever made it. Crops lie in numpy's own format, which memory maps; an entry exists once
its crops have their name, which is the last thing that happens to it.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.batch import SampleNote
from imagenetq.evaluate.preprocessing import AnyPreprocessing, Preprocessing
from imagenetq.files import TEMPORARY_PREFIX, write_whole
from imagenetq.manifest import Model, read_model

_CROPS, _NOTES = ".npy", ".json"
_FORMAT = 1
_STALE_SECONDS = 24 * 3600
"""After so long an unfinished file is one that a killed process left behind."""

CHECKED_EVERY = 20
"""Of an entry's crops, the first and every so many-th after it keep a hash."""


class Notes(Model):
    """What is known of an entry's samples, in the order of its crops.

    Attributes:
        image_id: the originals' ids.
        wnid: their classes.
        variant: the variants' names.
        label: 0 to 999.
        short_side: of the pictures, in pixels.
        pixel_sha256: of the pictures, where known.
        crop_sha256: of every 20th crop, from the first.
    """

    image_id: tuple[str, ...]
    wnid: tuple[str, ...]
    variant: tuple[str, ...]
    label: tuple[int, ...]
    short_side: tuple[int, ...]
    pixel_sha256: tuple[str | None, ...]
    crop_sha256: tuple[str, ...]

    @classmethod
    def of(cls, notes: Sequence[SampleNote], crop_sha256: Sequence[str]) -> "Notes":
        """What is kept of a pass's own notes."""
        return cls(
            image_id=tuple(note.image_id for note in notes),
            wnid=tuple(note.wnid for note in notes),
            variant=tuple(note.variant for note in notes),
            label=tuple(note.label for note in notes),
            short_side=tuple(note.short_side for note in notes),
            pixel_sha256=tuple(note.pixel_sha256 for note in notes),
            crop_sha256=tuple(crop_sha256),
        )

    def of_task(self, task: str) -> tuple[SampleNote, ...]:
        """The notes of a pass in which a task has these samples."""
        return tuple(
            SampleNote(task, *row)
            for row in zip(
                self.image_id,
                self.wnid,
                self.variant,
                self.label,
                self.short_side,
                self.pixel_sha256,
                strict=True,
            )
        )


@dataclass(frozen=True)
class Entry:
    """The prepared inputs of a task.

    Attributes:
        path: of the crops.
        notes: of its samples.
        crops: uint8 of shape (n, height, width, 3), memory-mapped.
    """

    path: Path
    notes: Notes
    crops: NDArray[np.uint8]

    def check(self, row: int) -> None:
        """Compare a crop with its hash, if it has one.

        Raises:
            FolderError: it is damaged; the entry has been removed.
        """
        if row % CHECKED_EVERY:
            return
        if crop_sha256(self.crops[row]) != self.notes.crop_sha256[row // CHECKED_EVERY]:
            self.path.unlink(missing_ok=True)
            raise FolderError(
                f"{self.path}: damaged, and removed; the same command computes it anew"
            )


class Store:
    """A folder of entries, of which the least recently used go when it becomes too large."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Look at what is there.

        Args:
            folder: made if absent.
            max_bytes: of all entries together.

        Raises:
            UsageError: it cannot be a folder.
        """
        self.folder = folder
        self.max_bytes = max_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be a cache ({error.strerror})") from None
        self._used = sum(size for _, size, _ in self._files())

    def key(self, fingerprint: str | None, preprocessing: AnyPreprocessing) -> str | None:
        """The name of an entry; None if the samples or the preprocessing cannot be named."""
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
        """The entry of a name; None if there is none, or a damaged one."""
        path = self.path(key)
        try:
            notes = read_model(Notes, path.with_suffix(_NOTES), FolderError)
            crops = np.load(path, mmap_mode="r", allow_pickle=False)
        except (FolderError, OSError, ValueError, EOFError):
            return None
        whole = crops.dtype == np.uint8 and crops.ndim == 4 and len(crops) == len(notes.label)
        if not whole or len(notes.crop_sha256) != -(-len(crops) // CHECKED_EVERY):
            return None
        with suppress(OSError):  # Used now, so it goes last; another's cache may be read-only.
            os.utime(path)
        return Entry(path, notes, crops)

    def path(self, key: str) -> Path:
        """Where an entry's crops lie."""
        return self.folder / key[:2] / f"{key}{_CROPS}"

    def reserve(self, n_bytes: int) -> bool:
        """Make room by removing the least recently used entries; False if it cannot be made."""
        if n_bytes > self.max_bytes:
            return False
        for path, size, _ in sorted(self._files(), key=lambda file: file[2]):
            if self._used + n_bytes <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            path.with_suffix(_NOTES).unlink(missing_ok=True)
            self._used -= size
        if self._used + n_bytes > self.max_bytes:
            return False
        self._used += n_bytes
        return True

    def release(self, n_bytes: int) -> None:
        """Take a reservation back."""
        self._used -= n_bytes

    def _files(self) -> list[tuple[Path, int, float]]:
        """Crops and what was left of unfinished ones: path, bytes, time of last use."""
        files = []
        for path in self.folder.glob(f"??/*{_CROPS}"):
            with suppress(FileNotFoundError):  # Another process may remove it meanwhile.
                state = path.stat()
                unfinished = path.name.startswith(TEMPORARY_PREFIX)
                if unfinished and time.time() - state.st_mtime < _STALE_SECONDS:
                    continue
                files.append((path, state.st_size, 0.0 if unfinished else state.st_mtime))
        return files


class NewEntry:
    """An entry that is being filled, row by row, in a file that has no name yet."""

    def __init__(self, path: Path, n_samples: int, size: tuple[int, int]) -> None:
        """Take the disk's space for it.

        Raises:
            OSError: there is not enough.
        """
        self.path = path
        self._temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name}")
        self._notes: list[SampleNote] = []
        self._hashes: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._crops: Any = np.lib.format.open_memmap(
            self._temporary, mode="w+", dtype=np.uint8, shape=(n_samples, *size, 3)
        )
        self.n_bytes = self._temporary.stat().st_size
        try:
            _require_space(self._temporary, self.n_bytes)
        except OSError:
            self.abort()
            raise

    def add(self, crop: NDArray[np.uint8], note: SampleNote) -> None:
        """The next sample."""
        row = len(self._notes)
        self._crops[row] = crop
        self._notes.append(note)
        if row % CHECKED_EVERY == 0:
            self._hashes.append(crop_sha256(crop))

    @property
    def is_full(self) -> bool:
        """Whether every sample is there."""
        return len(self._notes) == len(self._crops)

    def commit(self) -> None:
        """Give it its name."""
        self._crops.flush()
        notes = Notes.of(self._notes, self._hashes)
        write_whole(self.path.with_suffix(_NOTES), notes.model_dump_json().encode())
        self._temporary.replace(self.path)

    def abort(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        self._temporary.unlink(missing_ok=True)


def _require_space(path: Path, n_bytes: int) -> None:
    """Have the disk's space set aside: writing to a mapped page without any kills the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, n_bytes)


def crop_sha256(crop: NDArray[np.uint8]) -> str:
    """Hex SHA-256 of a crop's samples."""
    return hashlib.sha256(np.ascontiguousarray(crop).data).hexdigest()
