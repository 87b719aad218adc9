"""Write and read `pixels.parquet`, a recipe's table of pixel hashes.

A recipe says which photographs, which variants and which pixels a dataset has; it holds no image.
It is five files: `manifest.json` as built, `specification.json` (what the specification digest
covers), `pixels.parquet`, `croissant.json`, and a card. With them and ImageNet anybody builds the
same pixels, and proves it: the manifest says subset, format, variants and digests, `pixels.parquet`
the photographs, their ranks and the hashes.
"""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import shard_format
from imagenetq.digests import PixelLine, pixel_digest
from imagenetq.errors import FolderError
from imagenetq.manifest import Manifest, Shard
from imagenetq.remote_errors import first_line
from imagenetq.specification import variants

PIXELS_NAME = "pixels.parquet"
SPECIFICATION_NAME = "specification.json"


def pixel_table(folder: DatasetFolder, manifest: Manifest) -> bytes:
    """Make `pixels.parquet`: image_id, wnid, rank, variant and pixel_sha256 of every row.

    Rows are in the dataset's order: by variant as in the ladder, within a variant by rank, then
    wnid. The same hashes and the same pyarrow give the same bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("image_id", "wnid", "rank", "pixel_sha256")
    rows = []
    for shard in manifest.shards:
        with opened_shard(folder, shard) as file:
            columns = shard_format(manifest.format).read(file, names)
        rows += [dict(zip(names, row, strict=True), variant=shard.variant) for row in columns]
    types = dict.fromkeys(("image_id", "wnid", "rank", "variant", "pixel_sha256"), pa.string())
    schema = pa.schema(types | {"rank": pa.int32()})
    table = pa.Table.from_pylist(rows, schema=schema)
    if _digest(table) != manifest.pixel_digest:
        raise FolderError(f"{folder}: changed while it was read; verify it and push again")
    buffer = io.BytesIO()
    # Hashes are all different, so a dictionary pays for the other columns only.
    dictionary = [name for name in schema.names if name != "pixel_sha256"]
    pq.write_table(table, buffer, compression="zstd", use_dictionary=dictionary)
    return buffer.getvalue()


def read_pixel_table(data: bytes, manifest: Manifest) -> list[dict[str, Any]]:
    """Read the rows of a `pixels.parquet`, and prove them against its manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
        if _digest(table) == manifest.pixel_digest:
            return [dict(row) for row in table.to_pylist()]
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError):
        pass
    raise FolderError(f"{PIXELS_NAME}: damaged, or not of the dataset that the manifest describes")


def _digest(table: Any) -> str:
    columns = [table[name].to_pylist() for name in PixelLine._fields]
    known = {variant.name for variant in variants()}
    if not known.issuperset(columns[PixelLine._fields.index("variant")]):
        raise KeyError("variant")
    return pixel_digest(PixelLine(*line) for line in zip(*columns, strict=True))


@contextmanager
def opened_shard(folder: DatasetFolder, shard: Shard) -> Iterator[BinaryIO]:
    """Open a shard of which only columns are read; a remote tar is read whole."""
    opened = folder.fetch if shard.path.endswith(".tar") else folder.open
    try:
        with opened(shard.path) as file:
            yield file
    except FileNotFoundError:
        raise FolderError(f"{folder.at(shard.path)}: missing") from None
    except (ValueError, KeyError, TypeError, tarfile.TarError) as error:
        raise FolderError(f"{folder.at(shard.path)}: damaged ({first_line(error)})") from None
