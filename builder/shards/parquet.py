"""Write parquet shards, which `load_dataset` reads best."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, BinaryIO

from typing_extensions import override

from imagenetq.builder.shards.base import ShardFormat, ShardWriter
from imagenetq.files import AtomicFile
from imagenetq.record import Row, features
from imagenetq.shards import ROW_GROUP

# A row group closes before its 25 rows only where photographs are many times larger than
# ImageNet's: a build's memory stays bounded, and the bytes still depend on the rows alone.
_ROW_GROUP_BYTES = 24 * 2**20


@cache
def _schema() -> Any:
    return features().arrow_schema


class ParquetWriter(ShardWriter):
    """A writer of one parquet shard, which writes a row group whenever it is full."""

    def __init__(self, file: AtomicFile, extension: str) -> None:
        import pyarrow.parquet as pq

        super().__init__(file, extension)
        schema = _schema()
        columns = [name for name in schema.names if name != "image"]
        # Image files are compressed already, and compressing their column again would defeat
        # the Hub's deduplication.
        self._parquet = pq.ParquetWriter(
            file,
            schema,
            compression=dict.fromkeys(columns, "snappy")
            | {"image.bytes": "none", "image.path": "none"},
            use_dictionary=columns,
            write_page_index=True,
        )
        self._pending: list[dict[str, Any]] = []
        self._pending_bytes = 0

    @override
    def write(self, row: Row, image: bytes) -> None:
        name = f"{row.image_id}.{self.extension}"
        self._pending.append({"image": {"bytes": image, "path": name}, **asdict(row)})
        self._pending_bytes += len(image)
        if len(self._pending) == ROW_GROUP or self._pending_bytes >= _ROW_GROUP_BYTES:
            self._flush()

    @override
    def finish(self) -> None:
        self._flush()
        self._parquet.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._pending:
            table = pa.Table.from_pylist(self._pending, schema=_schema())
            self._parquet.write_table(table, row_group_size=ROW_GROUP)
            self._pending.clear()
            self._pending_bytes = 0


class Parquet(ShardFormat):
    """The format of shards such as `test-00000-of-00100.parquet`."""

    name = "parquet"
    glob = "*.parquet"

    @override
    def file_name(self, shard: int, n_shards: int) -> str:
        # As `datasets` names its own shards.
        return f"test-{shard:05d}-of-{n_shards:05d}.parquet"

    @override
    def columns(self, row: Row) -> dict[str, Any]:
        return asdict(row)

    @override
    def writer(self, file: AtomicFile, extension: str) -> ParquetWriter:
        return ParquetWriter(file, extension)

    @override
    def read(self, file: BinaryIO, names: Sequence[str]) -> list[tuple[Any, ...]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            columns = pq.ParquetFile(file).read(columns=list(names), use_threads=False)
            return list(zip(*(columns[name].to_pylist() for name in names), strict=True))
        except pa.ArrowException as error:
            raise ValueError(str(error)) from error
