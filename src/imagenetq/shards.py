"""Read the dataset's shards from any binary file, on disk or streamed."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from imagenetq.errors import FolderError
from imagenetq.files import naming
from imagenetq.record import features
from imagenetq.remote_errors import first_line

ROW_GROUP = 25
"""Number of rows in a parquet row group, the unit that readers fetch."""

SHARD_ROWS = 100
"""Number of images in a shard; fewer only in the last, or where bad ones were left out."""

_MAX_MEMBER_BYTES = 2**30


@dataclass(frozen=True)
class StoredRow:
    """A row with its image, as read from a shard."""

    fields: dict[str, Any]
    """Columns of the row by name, as stored; untrusted."""

    image: bytes
    """Bytes of the image file."""


def read_parquet(file: BinaryIO, name: str) -> Iterator[StoredRow]:
    """Read the rows of a parquet shard, which must be seekable, a row group at a time.

    A damaged file, or none of ours, is a `FolderError`; one that cannot be read, an `OSError`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # What is in memory is read without a copy.
    source = pa.BufferReader(file.getbuffer()) if isinstance(file, io.BytesIO) else file
    try:
        # One row group after the other, so that memory holds no more than that.
        with naming(name), pq.ParquetFile(source, pre_buffer=False) as parquet:
            if not parquet.schema_arrow.equals(features().arrow_schema):
                raise FolderError(f"{name}: its columns are not those of an ImageNet-Q shard")
            for group in range(parquet.num_row_groups):
                for batch in parquet.iter_batches(ROW_GROUP, row_groups=[group], use_threads=False):
                    for fields in batch.to_pylist():
                        image = fields.pop("image") or {}
                        yield StoredRow(fields, image.get("bytes") or b"")
    # Texts that are no UTF-8 fail only when they are taken out.
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        # Arrow reports bad bytes by bare OSErrors; errors of files have a number or a class.
        if isinstance(error, OSError) and (type(error) is not OSError or error.errno is not None):
            raise
        raise FolderError(f"{name}: damaged ({first_line(error)})") from None


def read_tar(file: BinaryIO, name: str) -> Iterator[StoredRow]:
    """Read the rows of a WebDataset shard in one pass; only if it is seekable is its end checked.

    Errors are those of `read_parquet`.
    """
    mode: Literal["r:", "r|"] = "r:" if file.seekable() else "r|"
    try:
        with naming(name), tarfile.open(fileobj=file, mode=mode) as tar:
            members: dict[str, bytes] = {}
            key = ""
            for member in tar:
                stem, _, extension = member.name.partition(".")
                if members and stem != key:
                    yield _row(name, key, members)
                    members = {}
                key = stem
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or member.size > _MAX_MEMBER_BYTES:
                    raise FolderError(f"{name}: {member.name} is no image, label or JSON")
                members[extension] = content.read()
            if members:
                yield _row(name, key, members)
            if file.seekable():
                # Something other than zeros, or nothing: the reader stops at a damaged header, too.
                file.seek(tar.offset)
                rest = file.read()
                if len(rest) < tarfile.BLOCKSIZE or rest.strip(b"\0"):
                    raise FolderError(f"{name}: damaged or cut short at byte {tar.offset}")
    except (tarfile.TarError, EOFError) as error:
        raise FolderError(f"{name}: damaged ({error})") from None


READERS: dict[str, Callable[[BinaryIO, str], Iterator[StoredRow]]] = {
    "parquet": read_parquet,
    "webdataset": read_tar,
}


def key_of(image_id: str) -> str:
    """Make the common stem of a row's tar members: the image id with dots escaped.

    A dot would become part of a column's name. "%" is escaped, too, so that ids stay distinct.
    """
    return image_id.replace("%", "%25").replace(".", "%2E")


def _row(name: str, key: str, members: dict[str, bytes]) -> StoredRow:
    try:
        columns: dict[str, Any] = json.loads(members.pop("json"))
        label = int(members.pop("cls"))
        ((_, image),) = members.items()
        if columns["label"] != label or key_of(columns["image_id"]) != key:
            raise FolderError(f"{name}: {key}: label or name contradict the row's JSON")
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise FolderError(
            f"{name}: {key}: not an image, a label and JSON; ImageNet's own photographs are a "
            "--source"
        ) from None
    return StoredRow(columns, image)
