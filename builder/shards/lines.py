"""Read what the pixel digest covers from a shard's own columns, without its images."""

import io
import json
import tarfile
from typing import Any, BinaryIO

from imagenetq.digests import PixelLine

_COLUMNS = ("image_id", "wnid", "pixel_sha256")


def read_lines(file: BinaryIO, format_name: str, variant: str) -> list[PixelLine]:
    """Read a shard's lines.

    Args:
        file: the shard, seekable.
        format_name: `parquet` or `webdataset`.
        variant: name of the variant that the shard holds.

    Raises:
        ValueError, KeyError, TypeError, tarfile.TarError: it is damaged.
    """
    rows = _parquet_rows(file) if format_name == "parquet" else _tar_rows(file)
    return [
        PixelLine(str(image_id), str(wnid), variant, str(pixels)) for image_id, wnid, pixels in rows
    ]


def _parquet_rows(file: BinaryIO) -> list[tuple[Any, ...]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.ParquetFile(file).read(columns=list(_COLUMNS), use_threads=False)
        return list(zip(*(columns[name].to_pylist() for name in _COLUMNS), strict=True))
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _tar_rows(file: BinaryIO) -> list[tuple[Any, ...]]:
    """Read of each row its JSON alone; in a file that can seek, images are passed over."""
    rows = []
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.name.endswith(".json") else None
            if content is not None:
                fields = json.load(io.TextIOWrapper(content, "utf-8"))
                rows.append(tuple(fields[name] for name in _COLUMNS))
    return rows
