"""Rows come in; shards go out in one of two formats, and come back as rows."""

from imagenetq.builder.shards.base import ShardFormat, ShardWriter
from imagenetq.builder.shards.lines import read_lines
from imagenetq.builder.shards.parquet import Parquet
from imagenetq.builder.shards.webdataset import WebDataset
from imagenetq.errors import UsageError

FORMATS: dict[str, ShardFormat] = {
    "parquet": Parquet(),
    "webdataset": WebDataset(),
}


def shard_format(name: str) -> ShardFormat:
    """The format of a name.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}; there are {' and '.join(FORMATS)}")
    return FORMATS[name]


__all__ = ["FORMATS", "ShardFormat", "ShardWriter", "read_lines", "shard_format"]
