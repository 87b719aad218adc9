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
    """What is kept of a unit that is done.

    Attributes:
        index: the unit's number.
    """

    index: int

    def digest(self) -> str:
        """Hex SHA-256 of the record as JSON."""
        return sha256(self.model_dump_json().encode()).hexdigest()


AnyRecord = TypeVar("AnyRecord", bound=Record)


class RenderedOriginal(Model):
    """An original that a unit holds.

    Attributes:
        image_id: its id.
        wnid: its class.
        file_sha256: of the original file that was rendered.
        pixel_sha256: of its decoded pixels.
    """

    image_id: str
    wnid: str
    file_sha256: str = Sha256
    pixel_sha256: str = Sha256


class BadOriginal(BadImageNote):
    """An original that a unit left out.

    Attributes:
        file_sha256: of the file that was refused; None if it could not be read.
    """

    file_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")

    def note(self) -> BadImageNote:
        """What the manifest says of it."""
        return BadImageNote(image_id=self.image_id, wnid=self.wnid, reason=self.reason)


class ShardRecord(Model):
    """A shard that was written.

    Attributes:
        path: relative to the dataset folder.
        bytes: the file's size.
        sha256: of the file.
        image_bytes: of the image files in it.
        uniform: rows of a single colour.
        psnrs: of each row, dB; None where identical to clean.
        pixels: each row's pixel hash.
    """

    path: str = ShardPath
    bytes: int = Count
    sha256: str = Sha256
    image_bytes: int = Count
    uniform: int = Count
    psnrs: tuple[float | None, ...]
    pixels: tuple[str, ...]


class UnitRecord(Record):
    """A unit of a dataset that is done.

    Attributes:
        originals: in row order.
        bad_images: left out.
        shards: by variant.
    """

    originals: tuple[RenderedOriginal, ...]
    bad_images: tuple[BadOriginal, ...]
    shards: dict[str, ShardRecord]

    @property
    def n_originals(self) -> int:
        """How many originals it has, bad ones included."""
        return len(self.originals) + len(self.bad_images)


class _Sealed(Model, Generic[AnyRecord]):
    """A record's file.

    Attributes:
        sha256: the record's digest.
        record: itself.
    """

    sha256: str = Sha256
    record: AnyRecord


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
