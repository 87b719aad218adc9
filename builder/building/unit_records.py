"""The record of a finished unit: written last, so that whoever finds it finds the shards.

The dataset's digests are made of records, so a record carries a hash of itself: one that was
changed by as much as a digit is not believed.
"""

from hashlib import sha256

from pydantic import Field

from imagenetq.builder.folders import STATE, DatasetFolder
from imagenetq.errors import FolderError
from imagenetq.manifest import BadImageNote, Count, Model, Sha256, ShardPath, parse_model

_RECORDS = f"{STATE}/units"


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


class UnitRecord(Model):
    """A unit that is done; written last, so that whoever finds it finds the shards.

    Attributes:
        index: the unit's number.
        originals: in row order.
        bad_images: left out.
        shards: by variant.
    """

    index: int
    originals: tuple[RenderedOriginal, ...]
    bad_images: tuple[BadOriginal, ...]
    shards: dict[str, ShardRecord]

    def digest(self) -> str:
        """Hex SHA-256 of the record as JSON."""
        return sha256(self.model_dump_json().encode()).hexdigest()


class _Sealed(Model):
    """A record's file.

    Attributes:
        sha256: the record's digest.
        record: itself.
    """

    sha256: str = Sha256
    record: UnitRecord


def record_path(unit: int) -> str:
    """Where a unit's record lies in the dataset's folder."""
    return f"{_RECORDS}/{unit:05d}.json"


def write_record(folder: DatasetFolder, record: UnitRecord) -> None:
    """Write a unit's record into the dataset's folder, with its digest."""
    sealed = _Sealed(sha256=record.digest(), record=record)
    folder.write(record_path(record.index), sealed.model_dump_json().encode())


def read_record(folder: DatasetFolder, unit: int) -> UnitRecord | None:
    """Read a unit's record; None if there is none.

    Raises:
        FolderError: it is damaged, or of a version whose records carried no digest.
        OSError: the storage failed.
    """
    path = record_path(unit)
    try:
        data = folder.read(path)
    except FileNotFoundError:
        return None
    sealed = parse_model(_Sealed, data, folder.at(path), FolderError)
    if sealed.record.digest() != sealed.sha256:
        raise FolderError(f"{folder.at(path)}: damaged: it is not what its own hash is of")
    return sealed.record
