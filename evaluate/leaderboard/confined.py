"""Run work on strangers' files in a process that may not take all memory, or for ever.

A parquet file's footer may lie about how large its pages are, and a reader written in C++ may
crash; here both end the process, not the check.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from imagenetq.errors import EntryError
from imagenetq.workers import started_clean

_MEMORY = 2**30
"""Bytes that work may take; an entry of the full subset takes a third of it."""

_SECONDS = 300
"""Seconds of computing that a piece of work may take."""

_STATM = Path("/proc/self/statm")

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Confined:
    """A process for one piece of work after the other; leaving the context ends it.

    Where the system tells nothing of a process's memory (other than Linux), there are no limits,
    but a crash is still the process's own.
    """

    def __init__(self, memory: int = _MEMORY, seconds: int = _SECONDS) -> None:
        """Prepare; the process starts with the first piece of work.

        Args:
            memory: bytes that it may take, beyond what it has when it starts.
            seconds: of computing that one piece of work may take.
        """
        self._limits = (memory, seconds)
        self._process: BaseProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(
        self,
        work: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """What a function of a module gives.

        Raises:
            EntryError: it took too much memory or too long, or its process crashed.
            Exception: what it raises by itself.
        """
        if self._process is None:
            self._begin()
        try:
            self._connection.send((work, args, kwargs))
            result, error = self._connection.recv()
        except (EOFError, ConnectionError):
            self._end()
            raise EntryError(
                "takes too much memory or time to be read, or crashes the reader"
            ) from None
        except BaseException:
            self._end()
            raise
        if isinstance(error, MemoryError):
            raise EntryError("takes too much memory to be read")
        if error is not None:
            raise error
        given: Result = result
        return given

    def _begin(self) -> None:
        # Started anew: a copy of this process would have its memory and threads' locks.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        with started_clean():
            process = context.Process(target=_serve, args=(theirs, *self._limits), daemon=True)
            process.start()
        self._process = process
        theirs.close()

    def _end(self) -> None:
        if self._process is not None:
            self._connection.close()
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None


def _serve(connection: Connection, memory: int, seconds: int) -> None:
    # Ctrl-C reaches every process of a terminal; the one that waits tells of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a crashing library says would look like ours.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    _limit_memory(memory)
    # Whoever waits has gone.
    with suppress(EOFError, ConnectionError):
        while True:
            work, args, kwargs = connection.recv()
            _limit_time(seconds)
            try:
                connection.send((work(*args, **kwargs), None))
            except Exception as error:
                connection.send((None, error))


def _limit_memory(n_bytes: int) -> None:
    if not _STATM.is_file():
        return
    import resource

    import pyarrow as pa
    import scipy.special  # noqa: F401

    # Each thread would reserve memory of its own, more on machines with more cores.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    held = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + n_bytes, held + n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: int) -> None:
    if not _STATM.is_file():
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))
