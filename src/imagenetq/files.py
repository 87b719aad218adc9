"""Write files that are either whole under their name or not there, and read within bounds."""

import errno
import hashlib
import io
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from imagenetq.errors import ImagenetqError

TEMPORARY_PREFIX = ".tmp-"
"""Prefix of unfinished files, which hides them from the globs of a dataset's configs."""

_STALE_SECONDS = 24 * 3600
"""Seconds without a write after which an unfinished file counts as a killed process's."""

_RECOGNISED = 40
"""Characters of a file's name that its temporary name keeps, which must not become too long."""


@contextmanager
def naming(file: object) -> Iterator[None]:
    """Name a file, by path or URL, in the errors of using it, where the system names none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(file)
        raise


@contextmanager
def unreadable_as(error: type[ImagenetqError], path: object) -> Iterator[None]:
    """Turn an error of reading a file into one line of `error`, which says why it cannot be."""
    try:
        yield
    except OSError as reason:
        raise error(f"{path}: cannot be read ({reason.strerror})") from None


def is_temporary(path: str) -> bool:
    """Tell by its path if a file is unfinished, so that whoever holds its folder may remove it."""
    return path.rpartition("/")[2].startswith(TEMPORARY_PREFIX)


class AtomicFile(io.BufferedIOBase):
    """A binary file that is written under a temporary name, and hashed as it is written.

    `commit` flushes it to disk and gives it its final name; `abort` removes it. The caller must
    call one of the two.
    """

    def __init__(self, path: Path, tag: str = "") -> None:
        """Open the temporary file; `tag` is as for `temporary_path`."""
        self.path = path
        self.n_bytes = 0
        self._aborted = False
        self._digest = hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_files(path.parent)
        self._temporary = temporary_path(path, tag)
        self._file = self._temporary.open("xb")

    def writable(self) -> bool:
        """Tell whether the file can be written, which is always so."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes or a buffer; after `abort`, discard them.

        Libraries' writers still write their footers when they are collected as garbage.
        """
        if self._aborted:
            return memoryview(data).nbytes
        with naming(self.path):
            written = self._file.write(data)
        self._digest.update(data)
        self.n_bytes += written
        return written

    def tell(self) -> int:
        """Give the number of bytes written."""
        return self.n_bytes

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of what was written."""
        return self._digest.hexdigest()

    def commit(self) -> None:
        """Flush to disk, then rename; from then on the file is there, even after a crash."""
        with naming(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._temporary.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def abort(self) -> None:
        """Remove what was written; do nothing after `commit`."""
        self._aborted = True
        # On a full disk, even the flush that closing does may fail.
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def temporary_path(path: Path, tag: str = "") -> Path:
    """Make a name, beside a file's own, for what is not finished.

    The name is drawn at random, because processes in two containers may have the same process
    number and host name. The tag, for `remove_temporary_files`, says whose file it is.
    """
    token = secrets.token_hex(8)
    return path.with_name(f"{_prefix(tag)}{token}-{path.name[-_RECOGNISED:]}")


def cache_home() -> Path:
    """Give the folder in which the user's programs keep what they can make again."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # A relative path is to be ignored, says the specification of these folders.
    return home if home.is_absolute() else Path.home() / ".cache"


def user_cache() -> Path:
    """Give the folder in which ImageNet-Q keeps what it can make again."""
    return cache_home() / "imagenetq"


def write_whole(path: Path, data: bytes, tag: str = "") -> None:
    """Write a small file atomically; an error names the file."""
    file = AtomicFile(path, tag)
    try:
        file.write(data)
        file.commit()
    finally:
        file.abort()


def read_bounded(path: Path, limit: int, *, follow_link: bool = True) -> bytes:
    """Read a regular file that may come from anyone, of at most `limit` bytes.

    The `strerror` of an `OSError` says whether it is larger, no regular file, or cannot be read.
    """
    # Opening a pipe must not wait for a writer. No system has all of these flags.
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow_link:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, os.O_RDONLY | flags)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        require_size(status.st_size, limit)
        return read_at_most(file, limit)


def read_at_most(file: BinaryIO, limit: int) -> bytes:
    """Read an open file to its end, but accept no more than `limit` bytes."""
    data = file.read(limit + 1)
    require_size(len(data), limit)
    return data


def require_size(n_bytes: int, limit: int) -> None:
    """Refuse a file of more than `limit` bytes, as an `OSError`."""
    if n_bytes > limit:
        raise OSError(errno.EFBIG, f"{n_bytes} bytes is too large; at most {limit} are read")


def sha256_of(path: Path) -> str:
    """Compute the hex SHA-256 of a file."""
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary_files(folder: Path, tag: str = "") -> None:
    """Remove what killed processes left in a folder and below: all of it, or what has this tag."""
    for leftover in folder.rglob(f"{_prefix(tag)}*"):
        leftover.unlink(missing_ok=True)


def is_stale(state: os.stat_result) -> bool:
    """Tell whether an unfinished file is a killed process's; a live one would still write to it."""
    return time.time() - state.st_mtime > _STALE_SECONDS


@cache
def _remove_stale_files(folder: Path) -> None:
    """Remove what long-killed processes left in a folder, once in this process's life."""
    for leftover in folder.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(OSError):  # Another process may remove it meanwhile.
            if is_stale(leftover.stat()):
                leftover.unlink()


def _prefix(tag: str) -> str:
    return f"{TEMPORARY_PREFIX}{tag}-" if tag else TEMPORARY_PREFIX
