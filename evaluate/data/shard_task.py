"""One shard, read by one worker."""

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
class Shard:
    """Where a shard lies, and what proves it."""

    address: str
    """A path or a URL."""

    n_bytes: int | None = None
    """Its size, if a manifest says it."""

    n_rows: int | None = None
    """How many rows it has, if a manifest says it."""

    sha256: str | None = None
    """Of the file, if a manifest says it."""

    def rows(self, patience: Patience) -> Iterator[StoredRow]:
        """Its rows, from the first, once the whole of it is proven.

        Args:
            patience: with the storage.

        Raises:
            FolderError: it is missing or damaged; none of its rows has been handed out if its
                SHA-256 is known.
            OSError: the storage failed for good.
        """
        read = read_parquet if self.address.endswith(".parquet") else read_tar
        return read(self._content(patience), self.address)

    def first_row(self) -> StoredRow | None:
        """The first row of a tar, of which no more than that is read; None if there is none.

        Raises:
            FolderError: it is damaged or missing.
            OSError: the storage failed; `Interrupted` if asking again may help.
        """
        with self._opened() as file:
            return next(read_tar(file, self.address), None)

    def _content(self, patience: Patience) -> BinaryIO:
        """All of its bytes, in one request, compared with what the manifest says.

        They take some 20 MB of memory: so the hash is known before the first row, and the storage
        is read only once.
        """
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
        return content

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
    """Variant and number of the shard."""

    n_samples: int | None
    """How many; None if only reading tells."""

    shard: Shard
    """To read."""

    expected: Expected
    """What its rows should be."""

    limit: int | None
    """How many rows to take at most; None for all."""

    patience: Patience
    """With the storage."""

    @property
    def work(self) -> int:
        """The bytes to read, which take longest where there are most; 0 if unknown."""
        shard = self.shard
        if shard.n_bytes is None or shard.n_rows is None or self.n_samples is None:
            return 0
        return shard.n_bytes * self.n_samples // max(1, shard.n_rows)

    def fingerprint(self) -> str | None:
        """Of the shard's hash in the manifest; None if there is none."""
        if self.shard.sha256 is None:
            return None
        named = f"{self.shard.sha256}\t{self.expected.variant}\t{self.limit}"
        return sha256(named.encode()).hexdigest()

    def samples(self) -> Iterator[Sample]:
        """Every sample once, in row order, also if the storage fails meanwhile and recovers.

        Raises:
            FolderError: the shard is damaged or missing, or a row's pixels are not those of its
                hash.
            OSError: the storage failed for good.
        """
        count = 0
        first = islice(self.shard.rows(self.patience), self.limit)
        for sample in samples(first, self.shard.address, self.expected):
            count += 1
            yield sample
        if self.n_samples not in (None, count):
            raise FolderError(
                f"{self.shard.address}: {count} rows; the manifest says {self.shard.n_rows}"
            )
