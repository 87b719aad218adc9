"""Read and write one file of prepared inputs: crops, notes of them, and hashes of both.

The crops come first, one after the other; then JSON with their notes and a hash of each crop; then
the JSON's length and SHA-256. So a file proves itself, and it gets its name only when it is whole.
It is read, not mapped: if a mapped file is cut short or its disk fails, the process is killed.
"""

import hashlib
import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from xxhash import xxh3_64_intdigest

from imagenetq.evaluate.inputs.batch import SampleNote
from imagenetq.files import temporary_path
from imagenetq.manifest import Model

_MAGIC = b"IMNQCROP"
_FOOTER = struct.Struct("<8sQ32s")
"""Layout of a file's end: what it is, how many bytes of notes lie before it, and their SHA-256."""


class DamagedEntry(Exception):
    """Damage that makes an entry unusable; the message says what it is, in a few words."""


class Notes(Model):
    """Notes of an entry's samples, in the order of its crops."""

    name: str
    """Name of the entry, so that no other can stand in for it."""

    size: tuple[int, int]
    """Height and width of a crop, in pixels."""

    image_id: tuple[str, ...]
    """Ids of the photographs."""

    wnid: tuple[str, ...]
    """WordNet ids of the photographs' classes."""

    variant: tuple[str, ...]
    """Names of the variants."""

    label: tuple[int, ...]
    """Labels, each 0 to 999."""

    short_side: tuple[int, ...]
    """Shorter sides of the images, in pixels."""

    pixel_sha256: tuple[str | None, ...]
    """SHA-256 of the images' pixels; None where not known."""

    crop_hash: tuple[int, ...]
    """XXH3 of each crop's samples: it costs little, and finds what disks do by accident."""

    def of_task(self, task: str) -> tuple[SampleNote, ...]:
        """Make the notes of a pass in which a task has these samples."""
        columns = (self.image_id, self.wnid, self.variant, self.label, self.short_side)
        return tuple(
            SampleNote(task, *row) for row in zip(*columns, self.pixel_sha256, strict=True)
        )

    @property
    def crop_bytes(self) -> int:
        """Number of bytes of one crop."""
        return self.size[0] * self.size[1] * 3

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.label)


@dataclass(frozen=True)
class Entry:
    """The prepared inputs of a task."""

    path: Path
    """Path of the file."""

    notes: Notes
    """Notes of its samples."""

    @classmethod
    def open(cls, path: Path) -> "Entry":
        """Read an entry's notes, and compare them with their hash.

        Raises:
            FileNotFoundError: there is no such entry.
            DamagedEntry: it is not as it was written.
        """
        with _reading(path) as file:
            n_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, n_bytes - _FOOTER.size))
            footer = file.read()
            if len(footer) < _FOOTER.size:
                raise DamagedEntry("cut short")
            magic, n_notes, sha256 = _FOOTER.unpack(footer)
            n_crops = n_bytes - _FOOTER.size - n_notes
            if magic != _MAGIC or n_crops < 0:
                raise DamagedEntry("its end is not as it was written")
            file.seek(n_crops)
            notes = _parsed(file.read(n_notes), sha256)
        if notes.name != path.stem:
            raise DamagedEntry("the content of another entry")
        if n_crops != len(notes) * notes.crop_bytes:
            raise DamagedEntry("of another size than it was written")
        return cls(path, notes)

    def read(self, rows: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Read crops, and compare each with its hash.

        Args:
            rows: which crops to read: int64 of shape (n,).
            out: where the crops go: uint8 of shape (n, height, width, 3).

        Raises:
            FileNotFoundError: the file is gone.
            DamagedEntry: a crop is not as it was written, or cannot be read.
        """
        with _reading(self.path) as file:
            for row, crop in zip(rows.tolist(), out, strict=True):
                file.seek(row * self.notes.crop_bytes)
                n_read = file.readinto(crop.data)
                whole = n_read == self.notes.crop_bytes
                if not whole or xxh3_64_intdigest(crop.data) != self.notes.crop_hash[row]:
                    raise DamagedEntry(f"crop {row} is not as it was written")


class NewEntry:
    """An entry that is being filled, row by row, in a file under a temporary name."""

    def __init__(self, path: Path, n_samples: int, size: tuple[int, int]) -> None:
        """Open the file.

        Args:
            path: where the file will lie once it is complete.
            n_samples: number of samples that it will have.
            size: height and width of a crop, in pixels.

        Raises:
            OSError: it cannot be written there.
        """
        self.path = path
        self.n_samples = n_samples
        self.size = size
        self.n_bytes = n_samples * size[0] * size[1] * 3
        self._notes: list[SampleNote] = []
        self._hashes: list[int] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = temporary_path(path)
        self._file = self._temporary.open("xb")
        # So that whoever adds up the cache counts what this will take.
        self._file.truncate(self.n_bytes)

    def add(self, crop: NDArray[np.uint8], note: SampleNote) -> None:
        """Write the next sample.

        Raises:
            OSError: the disk is full, for instance.
        """
        samples = np.ascontiguousarray(crop).data
        self._file.write(samples)
        self._notes.append(note)
        self._hashes.append(xxh3_64_intdigest(samples))

    @property
    def is_full(self) -> bool:
        """Whether every sample is there."""
        return len(self._notes) == self.n_samples

    def commit(self) -> None:
        """Write the notes of the samples, and give the file its name."""
        _, *columns = zip(*self._notes, strict=True)
        fields = dict(zip(SampleNote._fields[1:], columns, strict=True))
        known = Notes(name=self.path.stem, size=self.size, crop_hash=tuple(self._hashes), **fields)
        notes = known.model_dump_json().encode()
        self._file.write(notes)
        self._file.write(_FOOTER.pack(_MAGIC, len(notes), hashlib.sha256(notes).digest()))
        self._file.close()
        # Not forced to the disk: a crash that loses a part of it is found when it is read.
        self._temporary.replace(self.path)

    def abort(self) -> None:
        """Remove what was written; after `commit`, do nothing."""
        # A full disk may refuse even the flush that closing does.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


@contextmanager
def _reading(path: Path) -> Iterator[io.FileIO]:
    """Open an entry; an error of the disk, too, counts as damage."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedEntry(error.strerror or str(error)) from None


def _parsed(notes: bytes, sha256: bytes) -> Notes:
    if hashlib.sha256(notes).digest() != sha256:
        raise DamagedEntry("its notes are not as they were written")
    try:
        return Notes.model_validate_json(notes)
    except ValidationError:
        raise DamagedEntry("its notes are those of another version") from None
