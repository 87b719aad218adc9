"""Write and read `pixels.parquet`, a recipe's table of pixel hashes.

A recipe says which photographs, which variants and which pixels a dataset has; it holds no image.
It is five files: `manifest.json` as built, `specification.json` (what the specification digest
covers), `pixels.parquet`, `croissant.json`, and a card. With them and ImageNet anybody builds the
same pixels, and proves it: the manifest says subset, format, variants and digests, `pixels.parquet`
the photographs, their ranks and the hashes.
"""

import io
from typing import Any

from imagenetq.builder.folders import DatasetFolder
from imagenetq.digests import PixelLine, pixel_digest
from imagenetq.errors import FolderError
from imagenetq.manifest import Manifest
from imagenetq.shards import read_tar
from imagenetq.specification import variants

PIXELS_NAME = "pixels.parquet"
SPECIFICATION_NAME = "specification.json"

_COLUMNS = ("image_id", "wnid", "rank", "pixel_sha256")


def pixel_table(folder: DatasetFolder, manifest: Manifest) -> bytes:
    """Make `pixels.parquet`: image_id, wnid, rank, variant and pixel_sha256 of every row.

    Rows are in the dataset's order: by variant as in the ladder, within a variant by rank, then
    wnid. The same hashes and the same pyarrow give the same bytes.

    Args:
        folder: the dataset's folder, verified.
        manifest: the folder's manifest.

    Raises:
        FolderError: the rows are no longer those of the manifest's pixel digest.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = _read_parquet if manifest.format == "parquet" else _read_tar
    rows = [
        row | {"variant": shard.variant}
        for shard in manifest.shards
        for row in read(folder, shard.path)
    ]
    schema = pa.schema(
        [
            ("image_id", pa.string()),
            ("wnid", pa.string()),
            ("rank", pa.int32()),
            ("variant", pa.string()),
            ("pixel_sha256", pa.string()),
        ]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    if _digest(table) != manifest.pixel_digest:
        raise FolderError(f"{folder}: changed while it was read; verify it and push again")
    buffer = io.BytesIO()
    # Hashes are all different, so a dictionary pays for the other columns only.
    dictionary = [name for name in schema.names if name != "pixel_sha256"]
    pq.write_table(table, buffer, compression="zstd", use_dictionary=dictionary)
    return buffer.getvalue()


def read_pixel_table(data: bytes, manifest: Manifest) -> list[dict[str, Any]]:
    """Read the rows of a `pixels.parquet`, and prove them against its manifest.

    Args:
        data: bytes of the file.
        manifest: the recipe's manifest.

    Raises:
        FolderError: it is damaged, or of another dataset.
    """
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


def _read_parquet(folder: DatasetFolder, path: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with folder.open(path) as file:
        return [dict(row) for row in pq.read_table(file, columns=list(_COLUMNS)).to_pylist()]


def _read_tar(folder: DatasetFolder, path: str) -> list[dict[str, Any]]:
    with folder.fetch(path) as file:
        rows = read_tar(file, folder.at(path))
        return [{name: row.fields[name] for name in _COLUMNS} for row in rows]
