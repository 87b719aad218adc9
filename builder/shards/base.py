"""Define what a shard format does: name its files, write rows, and read columns of them.

Reading whole rows is the work of `imagenetq.shards`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, BinaryIO

from imagenetq.files import AtomicFile
from imagenetq.record import Row


class ShardWriter(ABC):
    """A writer of one shard, in row order, which holds few rows in memory."""

    def __init__(self, file: AtomicFile, extension: str) -> None:
        self.file = file
        self.extension = extension

    @abstractmethod
    def write(self, row: Row, image: bytes) -> None:
        """Append a row."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is pending and the format's end; the file is still to be committed."""


class ShardFormat(ABC):
    """A file format for shards."""

    name: str
    """Name of the format on the command line and in the manifest."""

    glob: str
    """Pattern that the names of a folder's shards match."""

    @abstractmethod
    def file_name(self, shard: int, n_shards: int) -> str:
        """Name shard number `shard` (from 0) of `n_shards`."""

    @abstractmethod
    def columns(self, row: Row) -> dict[str, Any]:
        """Give what a shard stores of a row, beside its image."""

    @abstractmethod
    def writer(self, file: AtomicFile, extension: str) -> ShardWriter:
        """Open a writer; `extension` is that of the image files in the shard, without a dot."""

    @abstractmethod
    def read(self, file: BinaryIO, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Read columns of all rows of a shard, which is seekable, but not its images.

        A damaged one raises `ValueError`, `KeyError`, `TypeError` or `tarfile.TarError`.
        """
