"""One shard, read by one worker."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import Sample, Task
from imagenetq.evaluate.data.forward import open_parquet
from imagenetq.evaluate.data.reading import Expected, samples
from imagenetq.retrying import Patience, resumed
from imagenetq.shards import StoredRow, read_parquet, read_tar
from imagenetq.storage import open_stream


@dataclass(frozen=True)
class Shard:
    """Where a shard lies.

    Attributes:
        address: a path or a URL.
        n_bytes: its size, if a manifest says it; None only for a tar.
        n_rows: how many rows it has, if a manifest says it.
        sha256: of the file, if a manifest says it.
    """

    address: str
    n_bytes: int | None = None
    n_rows: int | None = None
    sha256: str | None = None

    def rows(self) -> Generator[StoredRow, None, None]:
        """Its rows, from the first.

        Raises:
            FolderError: it is damaged or missing.
            OSError: the storage failed; `Interrupted` if asking again may help.
        """
        try:
            if self.n_bytes is not None and self.address.endswith(".parquet"):
                with open_parquet(self.address, self.n_bytes) as file:
                    yield from read_parquet(file, self.address)
            else:
                with open_stream(self.address, self.n_bytes) as file:
                    yield from read_tar(file, self.address)
        except FileNotFoundError:
            raise FolderError(f"{self.address}: missing") from None


@dataclass(frozen=True)
class ShardTask(Task):
    """All rows of a shard, or the first of them.

    Attributes:
        key: variant and number of the shard.
        n_samples: how many; None if only reading tells.
        shard: to read.
        expected: what its rows should be.
        limit: how many rows to take at most; None for all.
        patience: with the storage.
    """

    key: str
    n_samples: int | None
    shard: Shard
    expected: Expected
    limit: int | None
    patience: Patience

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
        with closing(resumed(self.shard.rows, self.patience)) as rows:
            first = islice(rows, self.limit)
            for sample in samples(first, self.shard.address, self.expected):
                count += 1
                yield sample
        if self.n_samples not in (None, count):
            raise FolderError(
                f"{self.shard.address}: {count} rows; the manifest says {self.shard.n_rows}"
            )
