"""Write and read the record of a finished unit, which is written after all of the unit's files.

A folder's digests are computed from records. So a record carries a hash of itself, and one that was
changed in any way is not believed.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Generic, TypeVar, cast

from imagenetq.builder.folders import STATE, DatasetFolder
from imagenetq.errors import FolderError
from imagenetq.manifest import BadImageNote, Count, Model, Sha256, ShardPath, parse_model

_RECORDS = f"{STATE}/units"


class Record(Model):
    """The record of a unit that is done."""

    index: int
    """Number of the unit, from 0."""

    def digest(self) -> str:
        """Compute the hex SHA-256 of the record as JSON."""
        return sha256(self.model_dump_json().encode()).hexdigest()


AnyRecord = TypeVar("AnyRecord", bound=Record)


class RenderedOriginal(Model):
    """A photograph that a unit holds."""

    image_id: str
    wnid: str
    file_sha256: str = Sha256
    """SHA-256 of the original file that was rendered."""

    pixel_sha256: str = Sha256
    """SHA-256 of its decoded pixels."""


class BadOriginal(BadImageNote):
    """A photograph that a unit left out."""

    file_sha256: str | None = Sha256
    """SHA-256 of the file that was refused; None if it could not be read."""

    def note(self) -> BadImageNote:
        """Give what the manifest says of the photograph."""
        return BadImageNote(image_id=self.image_id, wnid=self.wnid, reason=self.reason)


class ShardRecord(Model):
    """A shard that was written."""

    path: str = ShardPath
    """Path relative to the dataset folder."""

    bytes: int = Count
    """Size of the file in bytes."""

    sha256: str = Sha256
    image_bytes: int = Count
    """Bytes of the image files in it."""

    uniform: int = Count
    """Number of rows of a single colour."""

    psnrs: tuple[float | None, ...]
    """PSNR of each row in dB; None where identical to clean."""

    pixels: tuple[str, ...]
    """Pixel hash of each row."""


class UnitRecord(Record):
    """The record of a dataset's unit that is done."""

    originals: tuple[RenderedOriginal, ...]
    """Rendered photographs, in row order."""

    bad_images: tuple[BadOriginal, ...]
    shards: dict[str, ShardRecord]
    """Shards by variant."""

    @property
    def n_originals(self) -> int:
        """The number of the unit's photographs, bad ones included."""
        return len(self.originals) + len(self.bad_images)


class _Sealed(Model, Generic[AnyRecord]):
    """The file of a record, which holds its digest too."""

    sha256: str = Sha256
    record: AnyRecord


def _sealed(kind: type[AnyRecord]) -> type[_Sealed[AnyRecord]]:
    """Give the model of one kind of record's file, which only running code can name."""
    return cast("type[_Sealed[AnyRecord]]", _Sealed.__class_getitem__(kind))


def record_path(unit: int) -> str:
    """Give the path of a unit's record in its folder."""
    return f"{_RECORDS}/{unit:05d}.json"


def write_record(folder: DatasetFolder, record: Record) -> None:
    """Write a unit's record into its folder, with its digest."""
    sealed = _sealed(type(record))(sha256=record.digest(), record=record)
    folder.write(record_path(record.index), sealed.model_dump_json().encode())


def read_record(folder: DatasetFolder, unit: int, kind: type[AnyRecord]) -> AnyRecord | None:
    """Read a unit's record of some kind; None if there is none, `FolderError` if it is damaged."""
    path = record_path(unit)
    try:
        data = folder.read(path)
    except FileNotFoundError:
        return None
    sealed = parse_model(_sealed(kind), data, folder.at(path), FolderError)
    if sealed.record.digest() != sealed.sha256:
        raise FolderError(f"{folder.at(path)}: damaged: it is not what its own hash is of")
    return sealed.record


def written_records(
    folder: DatasetFolder, n_units: int, kind: type[AnyRecord]
) -> Iterator[AnyRecord]:
    """Read the records of all units, which must be there; errors are those of `read_record`."""
    for unit in range(n_units):
        record = read_record(folder, unit, kind)
        if record is None:
            raise FolderError(
                f"{folder.at(record_path(unit))}: missing; run the same command again"
            )
        yield record
