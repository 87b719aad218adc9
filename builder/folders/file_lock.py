"""Lock a folder among all processes that see it: for one build, or for the shares of one.

Locks end with the processes that hold them, however these end.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imagenetq.builder.folders.share import Share
from imagenetq.errors import FolderError


@contextmanager
def locked(state: Path, share: Share | None, folder: str) -> Iterator[None]:
    """Hold a folder, by files in `state`: for a whole build alone, or for a share beside others."""
    lock = state / "lock"
    try:
        if share is None:
            with FileLock(lock, timeout=0):
                yield
            return
        with FileLock(state / f"lock-{share.tag}", timeout=0), _beside_others(lock):
            yield
    except Timeout as timeout:
        if timeout.lock_file == str(lock):
            raise FolderError(
                f"{folder}: another build, render or push is writing there; wait until it ends"
            ) from None
        raise FolderError(
            f"{folder}: another process is building share {share} there; wait until it ends"
        ) from None


@contextmanager
def _beside_others(lock: Path) -> Iterator[None]:
    """Hold a lock together with others, which filelock does not offer for the same file."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Timeout(str(lock)) from None
        yield
