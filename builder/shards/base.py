"""What a shard format does: name its files, write rows, read them back."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagenetq.builder.files import AtomicFile
from imagenetq.record import Row


@dataclass(frozen=True)
class StoredRow:
    """A row with its image, as read from a shard.

    Attributes:
        fields: the row's columns by name, as stored; untrusted.
        image: the image file's bytes.
    """

    fields: dict[str, Any]
    image: bytes


class ShardWriter(ABC):
    """Writes one shard, in row order, holding few rows in memory."""

    def __init__(self, file: AtomicFile, extension: str) -> None:
        self.file = file
        self.extension = extension
        self.rows = 0

    @abstractmethod
    def write(self, row: Row, image: bytes) -> None:
        """Append a row."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is pending and the format's end; the file is still to be committed."""


class ShardFormat(ABC):
    """A file format for shards.

    Attributes:
        name: on the command line and in the manifest.
        glob: what a folder's shards are called.
    """

    name: str
    glob: str

    @abstractmethod
    def file_name(self, shard: int, n_shards: int) -> str:
        """The name of shard number `shard` (from 0) of `n_shards`."""

    @abstractmethod
    def columns(self, row: Row) -> dict[str, Any]:
        """What a shard stores of a row, beside its image."""

    @abstractmethod
    def writer(self, file: AtomicFile, extension: str) -> ShardWriter:
        """A writer; `extension` is that of the image files in the shard, without a dot."""

    @abstractmethod
    def read(self, path: Path) -> Iterator[StoredRow]:
        """The rows of a shard.

        Raises:
            FolderError: the file is damaged.
        """
