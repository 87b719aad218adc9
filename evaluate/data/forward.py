"""A remote parquet shard in two requests: its end, then all of it as one stream.

Row groups lie in the file in the order in which they are read, after the footer that says where.
So a stream serves them with little memory; and two requests a shard, not one for each column of
each row group, keep a whole evaluation within what the Hub allows in a minute.
"""

import io
from typing import BinaryIO

from imagenetq.errors import FolderError
from imagenetq.retrying import Interrupted
from imagenetq.storage import local_path, open_stream, read_tail

_TAIL = 256 * 2**10
"""A footer with 1,000 class names has about 70 kB."""

_SKIP = 2**20


def open_parquet(address: str, n_bytes: int) -> BinaryIO:
    """Open a parquet shard.

    Args:
        address: of the file.
        n_bytes: its size.

    Raises:
        FolderError: it is smaller.
        OSError: the storage failed.
    """
    path = local_path(address)
    if path is not None:
        return path.open("rb")
    tail = read_tail(address, n_bytes, min(_TAIL, n_bytes))
    if len(tail) != min(_TAIL, n_bytes):
        raise FolderError(f"{address}: smaller than the {n_bytes} bytes that the manifest says")
    # The reader only seeks and reads, all that it asks of a file.
    return ForwardFile(address, n_bytes, tail)  # type: ignore[return-value]


class ForwardFile(io.RawIOBase):
    """A remote file whose end is in memory and whose rest is streamed.

    Reading backwards works too, but opens the stream anew.
    """

    def __init__(self, address: str, n_bytes: int, tail: bytes) -> None:
        self._address = address
        self._n_bytes = n_bytes
        self._tail = tail
        self._tail_start = n_bytes - len(tail)
        self._position = 0
        self._stream: BinaryIO | None = None
        self._stream_position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Choose where the next read begins."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._n_bytes}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes, or all that are left."""
        start = self._position
        left = max(self._n_bytes - start, 0)
        end = start + (left if size is None or size < 0 else min(size, left))
        streamed = self._read_stream(start, min(end, self._tail_start))
        kept = self._tail[max(start - self._tail_start, 0) : max(end - self._tail_start, 0)]
        self._position = end
        return streamed + kept

    def close(self) -> None:
        """End the stream."""
        self._end_stream()
        super().close()

    def _read_stream(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        if self._stream is None or start < self._stream_position:
            self._end_stream()
            self._stream = open_stream(self._address, self._n_bytes)
        while self._stream_position < start:
            self._take(self._stream, min(start - self._stream_position, _SKIP))
        return self._take(self._stream, end - start)

    def _take(self, stream: BinaryIO, length: int) -> bytes:
        data = stream.read(length)
        if len(data) < length:
            raise Interrupted(f"{self._address}: cannot be read (the connection ended early)")
        self._stream_position += length
        return data

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._stream_position = 0
