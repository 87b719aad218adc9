"""The record of a finished unit: written last, so that whoever finds it finds its files.

A folder's digests are made of records, so a record carries a hash of itself: one that was
changed by as much as a digit is not believed.
"""

from hashlib import sha256
from typing import Generic, TypeVar, cast

from pydantic import Field

from imagenetq.builder.folders import STATE, DatasetFolder
from imagenetq.errors import FolderError
from imagenetq.manifest import BadImageNote, Count, Model, Sha256, ShardPath, parse_model

_RECORDS = f"{STATE}/units"


class Record(Model):
    """What is kept of a unit that is done."""

    index: int
    """The unit's number."""

    def digest(self) -> str:
        """Hex SHA-256 of the record as JSON."""
        return sha256(self.model_dump_json().encode()).hexdigest()


AnyRecord = TypeVar("AnyRecord", bound=Record)


class RenderedOriginal(Model):
    """An original that a unit holds."""

    image_id: str
    """Its id."""

    wnid: str
    """Its class."""

    file_sha256: str = Sha256
    """Of the original file that was rendered."""

    pixel_sha256: str = Sha256
    """Of its decoded pixels."""


class BadOriginal(BadImageNote):
    """An original that a unit left out."""

    file_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the file that was refused; None if it could not be read."""

    def note(self) -> BadImageNote:
        """What the manifest says of it."""
        return BadImageNote(image_id=self.image_id, wnid=self.wnid, reason=self.reason)


class ShardRecord(Model):
    """A shard that was written."""

    path: str = ShardPath
    """Relative to the dataset folder."""

    bytes: int = Count
    """The file's size."""

    sha256: str = Sha256
    """Of the file."""

    image_bytes: int = Count
    """Of the image files in it."""

    uniform: int = Count
    """Rows of a single colour."""

    psnrs: tuple[float | None, ...]
    """Of each row, dB; None where identical to clean."""

    pixels: tuple[str, ...]
    """Each row's pixel hash."""


class UnitRecord(Record):
    """A unit of a dataset that is done."""

    originals: tuple[RenderedOriginal, ...]
    """In row order."""

    bad_images: tuple[BadOriginal, ...]
    """Left out."""

    shards: dict[str, ShardRecord]
    """By variant."""

    @property
    def n_originals(self) -> int:
        """How many originals it has, bad ones included."""
        return len(self.originals) + len(self.bad_images)


class _Sealed(Model, Generic[AnyRecord]):
    """A record's file."""

    sha256: str = Sha256
    """The record's digest."""

    record: AnyRecord
    """Itself."""


def _sealed(kind: type[AnyRecord]) -> type[_Sealed[AnyRecord]]:
    """The file of one kind of record, which only running code can name."""
    return cast("type[_Sealed[AnyRecord]]", _Sealed.__class_getitem__(kind))


def record_path(unit: int) -> str:
    """Where a unit's record lies in its folder."""
    return f"{_RECORDS}/{unit:05d}.json"


def write_record(folder: DatasetFolder, record: Record) -> None:
    """Write a unit's record into its folder, with its digest."""
    sealed = _sealed(type(record))(sha256=record.digest(), record=record)
    folder.write(record_path(record.index), sealed.model_dump_json().encode())


def read_record(folder: DatasetFolder, unit: int, kind: type[AnyRecord]) -> AnyRecord | None:
    """Read a unit's record of some kind; None if there is none.

    Raises:
        FolderError: it is damaged, or of a version whose records carried no digest.
        OSError: the storage failed.
    """
    path = record_path(unit)
    try:
        data = folder.read(path)
    except FileNotFoundError:
        return None
    sealed = parse_model(_sealed(kind), data, folder.at(path), FolderError)
    if sealed.record.digest() != sealed.sha256:
        raise FolderError(f"{folder.at(path)}: damaged: it is not what its own hash is of")
    return sealed.record
