"""Run work on strangers' files in a process with limited memory and time.

A file may lie about the sizes of its parts, and a reader written in C++ may crash. Here either ends
the process, not the check. The process runs none of the calling script's lines again, so the script
needs no `if __name__ == "__main__"`.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, ParamSpec, Self, TypeVar, cast

from imagenetq.errors import EntryError, ImagenetqError

_MEMORY = 2**30
"""Bytes of memory that work may take; predictions of the full subset take a third of it."""

_SECONDS = 300
"""Seconds of CPU time that one piece of work may take."""

_STATM = Path("/proc/self/statm")

_PREDICTIONS = ("imagenetq.predictions", "pyarrow.parquet")
"""Modules that are needed to read predictions."""

_START = (
    "import sys; sys.path[:] = sys.argv[1:]; from imagenetq.confined import _serve; _serve(*{!r})"
)

# Each thread reserves memory of its own, and machines with more cores start more threads.
_FRUGAL = dict.fromkeys(
    ("ARROW_IO_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
) | {
    # With its first byte, Arrow's own pool would reserve all the memory that work may take.
    "ARROW_DEFAULT_MEMORY_POOL": "system"
}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Confined:
    """A process that does one piece of work after the other; leaving the context ends it.

    The limits need Linux's `/proc`. Other systems have no limits, but there, too, a crash ends only
    this process.
    """

    def __init__(
        self,
        memory: int = _MEMORY,
        seconds: int = _SECONDS,
        refusal: type[ImagenetqError] = EntryError,
        modules: Sequence[str] = _PREDICTIONS,
    ) -> None:
        """Prepare the process, which starts with the context, and imports `modules` meanwhile.

        It may take so many bytes of memory beyond what it holds before its first work, and so many
        seconds of CPU time for each. Work that takes more, or crashes it, raises a `refusal`.
        """
        self._start = _START.format((memory, seconds, *modules))
        self._refusal = refusal
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function of a module in the process; give its result, or raise what it raises."""
        try:
            process = self._begin()
            _send(cast(IO[bytes], process.stdin), pickle.dumps((work, args, kwargs)))
            result, error = _receive(cast(IO[bytes], process.stdout))
        except (EOFError, ConnectionError):
            self._end()
            raise self._refusal(
                "takes too much memory or time to be read, or crashes the reader"
            ) from None
        except BaseException:
            self._end()
            raise
        if isinstance(error, MemoryError):
            raise self._refusal("takes too much memory to be read")
        if error is not None:
            raise error
        return cast(Result, result)

    def _begin(self) -> "subprocess.Popen[bytes]":
        if self._process is not None:
            return self._process
        # A copy of this process would have its memory and its threads' locks.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", self._start, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What a crashing library prints would look like a message of ours.
            stderr=subprocess.DEVNULL,
            env=os.environ | _FRUGAL,
        )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(BrokenPipeError):
                self._process.communicate()
            self._process = None


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    return pickle.load(pipe)  # noqa: S301 - from ourselves


def _serve(memory: int, seconds: int, *modules: str) -> None:
    # Ctrl-C reaches every process of a terminal; the one that waits reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = sys.stdin.buffer
    # What work prints must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for module in modules:
        # Work that lacks a module says so itself.
        with suppress(ImportError):
            import_module(module)
    # The process that waits for answers may be gone.
    with suppress(EOFError, ConnectionError):
        is_limited = False
        while True:
            # Receiving work imports its modules, whose memory must not count as the work's.
            work, args, kwargs = _receive(requests)
            _limit(None if is_limited else memory, seconds)
            is_limited = True
            try:
                answer = pickle.dumps((work(*args, **kwargs), None))
            except Exception as error:
                answer = pickle.dumps((None, error))
            _send(answers, answer)


def _limit(memory: int | None, seconds: int) -> None:
    """Limit the CPU time of the next work, and, unless it is None, the memory of all to come."""
    if not _STATM.is_file():
        return
    import resource

    if memory is not None:
        most = int(_STATM.read_text().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))
