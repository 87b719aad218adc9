"""Read one shard in one worker, and check it against its manifest."""

import io
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import BinaryIO

from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import Sample, Task
from imagenetq.evaluate.data.rows import Expected, samples
from imagenetq.retrying import Patience, resumed
from imagenetq.shards import StoredRow, read_parquet, read_tar
from imagenetq.storage import open_stream

_BLOCK = 2**20


@dataclass(frozen=True)
class ShardFile:
    """The address of a shard, and what its manifest says of the file."""

    address: str
    """Path or URL of the shard."""

    n_bytes: int | None = None
    """Size of the file in bytes; None if there is no manifest."""

    n_rows: int | None = None
    """Number of rows; None if there is no manifest."""

    sha256: str | None = None
    """SHA-256 of the file; None if there is no manifest."""

    def rows(self, patience: Patience) -> Iterator[StoredRow]:
        """Read the shard's rows in order, after checking the whole file against the manifest."""
        # The content is kept in memory, some 20 MB, so that its hash is known before the first row
        # is used and the storage is read only once.
        content = io.BytesIO()
        with closing(resumed(self._blocks, patience)) as blocks:
            for block in blocks:
                content.write(block)
                if self.n_bytes is not None and content.tell() > self.n_bytes:
                    raise self._damaged(f"more than the {self.n_bytes} bytes of the manifest")
        if self.n_bytes not in (None, content.tell()):
            raise self._damaged(f"{content.tell()} bytes; the manifest says {self.n_bytes}")
        if self.sha256 is not None and sha256(content.getbuffer()).hexdigest() != self.sha256:
            raise self._damaged("damaged: its SHA-256 is not that of the manifest")
        content.seek(0)
        read = read_parquet if self.address.endswith(".parquet") else read_tar
        return read(content, self.address)

    def first_row(self) -> StoredRow | None:
        """Read the first row of a tar, but not the rest of it; give None if there is no row.

        It raises `Interrupted` if asking again may help.
        """
        with self._opened() as file:
            return next(read_tar(file, self.address), None)

    def _blocks(self) -> Generator[bytes, None, None]:
        with self._opened() as file:
            while block := file.read(_BLOCK):
                yield block

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with open_stream(self.address, self.n_bytes) as file:
                yield file
        except FileNotFoundError:
            raise FolderError(f"{self.address}: missing") from None

    def _damaged(self, reason: str) -> FolderError:
        return FolderError(f"{self.address}: {reason}; copy or build the dataset again")


@dataclass(frozen=True)
class ShardTask(Task):
    """All rows of a shard, or the first of them."""

    key: str
    """Variant's name, a dot, and a short form of the name of the shard's file."""

    n_samples: int | None
    shard: ShardFile
    expected: Expected

    limit: int | None
    """How many rows to take at most; None takes all."""

    patience: Patience
    """How long to go on asking a storage that fails."""

    @property
    def work(self) -> int:
        """The bytes of the shard, in proportion to the samples taken of it; 0 if unknown."""
        shard = self.shard
        if shard.n_bytes is None or shard.n_rows is None or self.n_samples is None:
            return 0
        return shard.n_bytes * self.n_samples // max(1, shard.n_rows)

    def fingerprint(self) -> str | None:
        """Hash the shard's SHA-256, the variant and the limit; give None without a SHA-256."""
        if self.shard.sha256 is None:
            return None
        named = f"{self.shard.sha256}\t{self.expected.variant}\t{self.limit}"
        return sha256(named.encode()).hexdigest()

    def samples(self) -> Iterator[Sample]:
        """Yield every sample once, in row order, even if the storage fails meanwhile."""
        count = 0
        first = islice(self.shard.rows(self.patience), self.limit)
        for sample in samples(first, self.shard.address, self.expected, self.key):
            count += 1
            yield sample
        if self.n_samples not in (None, count):
            shard = self.shard
            raise FolderError(f"{shard.address}: {count} rows; the manifest says {shard.n_rows}")
