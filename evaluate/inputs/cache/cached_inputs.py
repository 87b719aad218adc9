"""Read and write one file of prepared inputs: crops, what they are of, and hashes of both.

The crops come first, one after the other; then JSON with their infos and a hash of each crop; then
the JSON's length and SHA-256. So a file proves itself, and it gets its name only when it is whole.
It is read, not mapped: if a mapped file is cut short or its disk fails, the process is killed.
"""

import hashlib
import io
import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from imagenetq.evaluate.data.base import COLUMNS, SampleInfo, columns_of
from imagenetq.files import temporary_path

_MAGIC = b"IMNQCROP"
_FOOTER = struct.Struct("<8sQ32s")
"""Layout of a file's end: what it is, how many bytes of notes lie before it, and their SHA-256."""


class DamagedInputs(Exception):
    """Damage that makes a file unusable; the message says what it is, in a few words."""


@dataclass(frozen=True)
class CachedInputs:
    """The prepared inputs of a task, in a file."""

    path: Path

    size: tuple[int, int]
    """Height and width of a crop, in pixels."""

    columns: dict[str, list[Any]]
    """What is known of the samples, in the order of their crops, as `columns_of` gives it."""

    crop_hash: list[int]
    """XXH3 of each crop's samples: it costs little, and finds what disks do by accident."""

    @property
    def crop_bytes(self) -> int:
        """Number of bytes of one crop."""
        return self.size[0] * self.size[1] * 3

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.crop_hash)

    @classmethod
    def open(cls, path: Path) -> "CachedInputs":
        """Read what a file says of its crops, and compare that with its hash."""
        with _reading(path) as file:
            n_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, n_bytes - _FOOTER.size))
            footer = file.read()
            if len(footer) < _FOOTER.size:
                raise DamagedInputs("cut short")
            magic, n_notes, sha256 = _FOOTER.unpack(footer)
            n_crops = n_bytes - _FOOTER.size - n_notes
            if magic != _MAGIC or n_crops < 0:
                raise DamagedInputs("its end is not as it was written")
            file.seek(n_crops)
            notes = file.read(n_notes)
        if hashlib.sha256(notes).digest() != sha256:
            raise DamagedInputs("its notes are not as they were written")
        try:
            known = json.loads(notes)
            columns = {name: known[name] for name in COLUMNS}
            inputs = cls(path, tuple(known["size"]), columns, known["crop_hash"])
            name = known["name"]
        except (KeyError, TypeError, ValueError):
            raise DamagedInputs("its notes are those of another version") from None
        if name != path.stem:
            raise DamagedInputs("the content of another entry")
        if n_crops != len(inputs) * inputs.crop_bytes:
            raise DamagedInputs("of another size than it was written")
        return inputs

    def read(self, rows: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Read crops into `out`, uint8 of shape (n, height, width, 3), and compare their hashes."""
        with _reading(self.path) as file:
            for row, crop in zip(rows.tolist(), out, strict=True):
                file.seek(row * self.crop_bytes)
                is_whole = file.readinto(crop.data) == self.crop_bytes
                if not is_whole or xxh3_64_intdigest(crop.data) != self.crop_hash[row]:
                    raise DamagedInputs(f"crop {row} is not as it was written")


class NewInputs:
    """Prepared inputs that are being written, row by row, under a temporary name."""

    def __init__(self, path: Path, n_samples: int, size: tuple[int, int]) -> None:
        """Open the file, which will lie at `path` once it is complete; it may raise OSError."""
        self.path, self.n_samples, self.size = path, n_samples, size
        self.n_bytes = n_samples * size[0] * size[1] * 3
        self._infos: list[SampleInfo] = []
        self._hashes: list[int] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = temporary_path(path)
        self._file = self._temporary.open("xb")
        # So that whoever adds up the cache counts what this will take.
        self._file.truncate(self.n_bytes)

    def add(self, crop: NDArray[np.uint8], info: SampleInfo) -> None:
        """Write the next sample; it raises OSError if the disk is full, for instance."""
        samples = np.ascontiguousarray(crop).data
        self._file.write(samples)
        self._infos.append(info)
        self._hashes.append(xxh3_64_intdigest(samples))

    @property
    def is_full(self) -> bool:
        """Whether every sample is there."""
        return len(self._infos) == self.n_samples

    def commit(self) -> None:
        """Write what is known of the samples, and give the file its name."""
        known = {"name": self.path.stem, "size": self.size, **columns_of(self._infos)}
        known["crop_hash"] = self._hashes
        notes = json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()
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
    """Open a file; an error of the disk, too, counts as damage."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedInputs(error.strerror or str(error)) from None
