"""Parquet files that would take a reader's memory, or that hold what no reader expects."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq


def not_utf8(table: pa.Table, column: str) -> pa.Table:
    """A table of which a column's texts are no UTF-8, though their type says so."""
    texts = pa.array([b"\xff\xfe"] * len(table), pa.binary())
    place = table.schema.get_field_index(column)
    spoilt = pa.StringArray.from_buffers(len(texts), *texts.buffers()[1:])
    return table.set_column(place, table.schema.field(column), spoilt)


def parquet_bomb(table: pa.Table) -> bytes:
    """A table with an image id of a quarter of a gigabyte, which its footer denies."""
    buffer = BytesIO()
    bomb = pa.array(["x" * 2**28, *["y"] * (len(table) - 1)])
    table = table.set_column(0, pa.field("image_id", pa.string(), nullable=False), bomb)
    pq.write_table(table, buffer, compression="zstd", write_statistics=False)
    return lying(buffer.getvalue())


def lying(content: bytes) -> bytes:
    """The same file, with a footer in which every large size is a small one."""
    assert content[-4:] == b"PAR1"
    length = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - length
    footer = content[start:-8]
    sizes = [
        pq.read_metadata(BytesIO(content)).row_group(0).column(0).total_uncompressed_size,
        pq.read_metadata(BytesIO(content)).row_group(0).total_byte_size,
    ]
    for size in sizes:
        footer = footer.replace(varint(size), padded_varint(1, len(varint(size))))
    lied = content[:start] + footer + content[-8:]
    column = pq.read_metadata(BytesIO(lied)).row_group(0).column(0)
    assert column.total_uncompressed_size < 1000
    return lied


def varint(number: int) -> bytes:
    """Thrift's compact integer: zigzag, seven bits a byte."""
    number *= 2
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def padded_varint(number: int, length: int) -> bytes:
    """The same in more bytes than it needs."""
    return bytes([2 * number | 128, *[128] * (length - 2), 0])
