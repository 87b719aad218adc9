"""Start worker processes cleanly, and bring back what goes wrong in them.

A process that Python starts looks for modules in the working directory first, where any `torch.py`
would be taken for the library. It also runs the caller's script again, up to where that starts
workers. Ours do neither.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from imagenetq.errors import ImagenetqError, WorkerError

SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Environment in which Python does not search the working directory."""

_MAIN = "__main__"
_GONE = 2.0
"""Seconds to wait for the end of a process that broke its connection."""


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def started_clean() -> Iterator[list[BaseProcess]]:
    """Start processes that search only where this one does, and run nothing of its script.

    What is passed to such a process must not refer to the script's own functions and classes by
    name; `packed` takes them along. The context gives a list, which holds the processes once all
    have been started.
    """
    main = sys.modules[_MAIN]
    before = set(multiprocessing.active_children())
    started: list[BaseProcess] = []
    with environment(SAFE_PATH):
        sys.modules[_MAIN] = ModuleType(_MAIN)
        try:
            yield started
        except (OSError, EOFError, RuntimeError) as error:
            for process in set(multiprocessing.active_children()) - before:
                process.kill()
            raise ImagenetqError(
                f"worker processes cannot start ({_line(error)}); see what is used up (processes, "
                "open files, memory, room in /dev/shm), or use fewer workers"
            ) from None
        finally:
            sys.modules[_MAIN] = main
    started += set(multiprocessing.active_children()) - before


def packed(thing: Any, what: str) -> bytes:
    """Pickle a thing that a worker needs, with the functions and classes of a script or a session.

    An error calls it `what`.
    """
    try:
        by_name = pickle.dumps(thing)
        if _MAIN.encode() not in by_name:
            return by_name
    except Exception:  # noqa: S110  What cannot be found by name is pickled whole.
        pass
    import dill

    try:
        whole: bytes = dill.dumps(thing, recurse=True)
    except Exception as error:  # Pickling runs anybody's code.
        raise ImagenetqError(
            f"{what} cannot be given to worker processes ({_line(error)}); open files, locks and "
            "connections where they are used, or read without workers (workers=0)"
        ) from None
    return whole


def unpacked(data: bytes | memoryview, what: str) -> Any:
    """Unpickle in a worker what `packed` made."""
    try:
        return pickle.loads(data)  # noqa: S301  Our own.
    except Exception as error:  # Unpickling runs anybody's code.
        raise ImagenetqError(
            f"{what} cannot be loaded by worker processes ({_line(error)}); put what it needs into "
            "a module that they can import by its name, or read without workers (workers=0)"
        ) from None


def portable(error: Exception) -> Exception:
    """Turn a worker's error into one that can be handed to another process.

    One of ours or the system's that can be pickled stays as it is. Another becomes a `WorkerError`
    that names it and where it was raised, with the whole traceback in its notes.
    """
    if isinstance(error, ImagenetqError | OSError):
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301  Our own.
        except Exception:  # noqa: S110  Some libraries' errors can be pickled, but not unpickled.
            pass
        else:
            return error
    frames = traceback.extract_tb(error.__traceback__)
    # Where it was raised, or where the library that raised it was called.
    own = [frame for frame in frames if not _is_of_a_library(frame.filename)]
    frame = (own or frames)[-1]
    named = WorkerError(f"{_line(error)} (in a worker process, {frame.filename}:{frame.lineno})")
    named.add_note("".join(traceback.format_exception(error)).rstrip())
    return named


def how_they_ended(processes: Sequence[BaseProcess]) -> str:
    """Say in words what became of workers, of which at least one is gone."""
    connection.wait([process.sentinel for process in processes], _GONE)
    codes = {code for process in processes if (code := process.exitcode)}
    # SIGTERM comes from whoever started the workers, for those that were left: it tells nothing.
    code = min(codes - {-signal.SIGTERM}, default=min(codes, default=-signal.SIGKILL))
    if code == -signal.SIGKILL:
        return "was killed (out of memory?)"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}, as by a crash in a library"
    return f"ended by itself (exit status {code}); what it printed says why"


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")


def _is_of_a_library(file: str) -> bool:
    path = Path(file)
    if Path(__file__).parent in path.parents:
        return False
    return "site-packages" in path.parts or Path(sysconfig.get_path("stdlib")) in path.parents


def end_with_parent() -> None:
    """End this worker process as soon as the one that asked for it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=end, name="parent", daemon=True).start()
