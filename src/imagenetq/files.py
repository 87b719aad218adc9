"""Files that are either whole under their name, or not there."""

import errno
import hashlib
import io
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY_PREFIX = ".tmp-"
"""Hidden, so that no glob of a dataset's configs matches an unfinished file."""

_STALE_SECONDS = 24 * 3600
"""After so long without a write an unfinished file is one that a killed process left behind."""

_swept: set[Path] = set()
"""Folders in which this process has looked for stale files."""

_RECOGNISED = 40
"""Characters of a name that tell whose unfinished file it is; a whole one might become too long."""


@contextmanager
def naming(file: object) -> Iterator[None]:
    """Let errors of reading or writing a file name it, where the system names none.

    Args:
        file: its path or URL.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(file)
        raise


def is_temporary(path: str) -> bool:
    """Tell an unfinished file of ours by its path: whoever holds its folder may remove it."""
    return path.rpartition("/")[2].startswith(TEMPORARY_PREFIX)


class AtomicFile(io.BufferedIOBase):
    """A binary file written under a temporary name, hashed as it is written.

    `commit` flushes it to disk and gives it its name; `abort` removes it. One of the two must be
    called.
    """

    def __init__(self, path: Path, tag: str = "") -> None:
        """Open it.

        Args:
            path: its name in the end.
            tag: whose it is, for `remove_temporary_files`.
        """
        self.path = path
        self.n_bytes = 0
        self._aborted = False
        self._digest = hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_files(path.parent)
        self._temporary = temporary_path(path, tag)
        self._file = self._temporary.open("xb")

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes or a buffer; after `abort` they go nowhere.

        The libraries' writers still write their footers when they are collected as garbage.
        """
        if self._aborted:
            return memoryview(data).nbytes
        with naming(self.path):
            written = self._file.write(data)
        self._digest.update(data)
        self.n_bytes += written
        return written

    def tell(self) -> int:
        """How many bytes were written."""
        return self.n_bytes

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of what was written."""
        return self._digest.hexdigest()

    def commit(self) -> None:
        """Flush to disk, then rename: after this the file is there, and stays after a crash."""
        with naming(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._temporary.replace(self.path)
        _sync_folder(self.path.parent)

    def abort(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        self._aborted = True
        # A full disk may refuse even the flush that closing does.
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def temporary_path(path: Path, tag: str = "") -> Path:
    """A name beside a file's own for what is not finished.

    It is drawn at random: processes in two containers may have one number and one host name.

    Args:
        path: the file's name in the end.
        tag: whose it is, for `remove_temporary_files`.
    """
    token = secrets.token_hex(8)
    return path.with_name(f"{_prefix(tag)}{token}-{path.name[-_RECOGNISED:]}")


def write_whole(path: Path, data: bytes, tag: str = "") -> None:
    """Write a small file atomically.

    Raises:
        OSError: it cannot be written, as where the disk is full; names the file.
    """
    file = AtomicFile(path, tag)
    try:
        file.write(data)
        file.commit()
    finally:
        file.abort()


def read_bounded(path: Path, limit: int, *, follow_link: bool = True) -> bytes:
    """Read a plain file that may be anyone's.

    Args:
        path: of the file.
        limit: the largest size to accept, in bytes; a larger file is not read.
        follow_link: whether the file may be a link to one.

    Raises:
        OSError: it is larger, no plain file, or cannot be read; says which, and names no file.
    """
    # Waits for nobody who should write to a pipe. Windows has none of these flags.
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
    """Read an open file to its end, which must come before a limit in bytes.

    Raises:
        OSError: it does not, or the file cannot be read.
    """
    data = file.read(limit + 1)
    require_size(len(data), limit)
    return data


def require_size(n_bytes: int, limit: int) -> None:
    """Refuse a file of more than so many bytes.

    Raises:
        OSError: it has more.
    """
    if n_bytes > limit:
        raise OSError(errno.EFBIG, f"{n_bytes} bytes is too large; at most {limit} are read")


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary_files(folder: Path, tag: str = "") -> None:
    """Remove what killed processes left behind: all of it, or what has this tag."""
    for leftover in folder.rglob(f"{_prefix(tag)}*"):
        leftover.unlink(missing_ok=True)


def is_stale(state: os.stat_result) -> bool:
    """Whether an unfinished file is a killed process's; a live one, wherever it runs, writes on."""
    return time.time() - state.st_mtime > _STALE_SECONDS


def _remove_stale_files(folder: Path) -> None:
    """Remove what processes left that were killed long ago, before the first file is written."""
    if folder in _swept:
        return
    _swept.add(folder)
    for leftover in folder.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(OSError):  # Another process may remove it meanwhile.
            if is_stale(leftover.stat()):
                leftover.unlink()


def _prefix(tag: str) -> str:
    return f"{TEMPORARY_PREFIX}{tag}-" if tag else TEMPORARY_PREFIX


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
