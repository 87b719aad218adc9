"""Let only one evaluation at a time write into a result's folder."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagenetq.errors import EvaluationError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a result's folder until the end of the block, or of this process, however it ends.

    It is made if it is not there, and nothing of the lock stays in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    descriptor = _lock(path)
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Lock the file that has this name, and give its descriptor."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held the lock may have removed the file between the two lines above.
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 400).decode("utf-8", "replace")
            os.close(descriptor)
            raise EvaluationError(
                f"{path.parent}: another evaluation is writing there ({holder or 'just begun'}); "
                "wait until it ends, or give another --out"
            ) from None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
