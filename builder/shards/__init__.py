"""Rows come in; shards go out in one of two formats, and come back as rows."""

from typing import BinaryIO

from imagenetq.builder.shards.base import ShardFormat, ShardWriter
from imagenetq.builder.shards.parquet import Parquet
from imagenetq.builder.shards.webdataset import WebDataset
from imagenetq.digests import PixelLine
from imagenetq.errors import UsageError

__all__ = ["FORMATS", "ShardFormat", "ShardWriter", "read_lines", "shard_format"]

FORMATS: dict[str, ShardFormat] = {kind.name: kind for kind in (Parquet(), WebDataset())}


def shard_format(name: str) -> ShardFormat:
    """Give the format of a name."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}; there are {' and '.join(FORMATS)}")
    return FORMATS[name]


def read_lines(file: BinaryIO, format_name: str, variant: str) -> list[PixelLine]:
    """Read what the pixel digest covers of a shard of one variant; as `ShardFormat.read`."""
    rows = shard_format(format_name).read(file, ("image_id", "wnid", "pixel_sha256"))
    return [PixelLine(str(image_id), str(wnid), variant, str(sha)) for image_id, wnid, sha in rows]
