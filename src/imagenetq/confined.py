"""Run work on strangers' files in a process that may not take all memory, or for ever.

A file may lie about how large its parts are, and a reader written in C++ may crash; here both end
the process, not the check. The process knows nothing of the program that starts it: it runs none of
a script's lines again, so it needs no guard there.
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
"""Bytes that work may take; predictions of the full subset take a third of it."""

_SECONDS = 300
"""Seconds of computing that a piece of work may take."""

_STATM = Path("/proc/self/statm")

_PREDICTIONS = ("imagenetq.predictions", "pyarrow.parquet")
"""Modules that read predictions."""

_START = (
    "import sys; sys.path[:] = sys.argv[1:]; from imagenetq.confined import _serve; _serve(*{!r})"
)

# Each thread would reserve memory of its own, more on machines with more cores.
_FRUGAL = dict.fromkeys(
    ("ARROW_IO_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
) | {
    # Arrow's own pool would reserve all the memory that work may take at its first byte.
    "ARROW_DEFAULT_MEMORY_POOL": "system"
}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Confined:
    """A process for one piece of work after the other; leaving the context ends it.

    Where the system tells nothing of a process's memory (other than Linux), there are no limits,
    but a crash is still the process's own.
    """

    def __init__(
        self,
        memory: int = _MEMORY,
        seconds: int = _SECONDS,
        refusal: type[ImagenetqError] = EntryError,
        modules: Sequence[str] = _PREDICTIONS,
    ) -> None:
        """Prepare; the process starts with the context, and imports while the caller goes on.

        Args:
            memory: bytes that it may take, beyond what it has when it starts.
            seconds: of computing that one piece of work may take.
            refusal: what to raise where it takes more, or crashes.
            modules: that work will need.
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
        self,
        work: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """What a function of a module gives.

        Raises:
            ImagenetqError: it took too much memory or too long, or its process crashed.
            Exception: what it raises by itself.
        """
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
        # Started anew: a copy of this process would have its memory and threads' locks.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", self._start, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What a crashing library says would look like ours.
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
    # Ctrl-C reaches every process of a terminal; the one that waits tells of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = sys.stdin.buffer
    # What work prints must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for module in modules:
        # Work that misses one says so itself.
        with suppress(ImportError):
            import_module(module)
    # Whoever waits has gone.
    with suppress(EOFError, ConnectionError):
        is_limited = False
        while True:
            # What work is made of is imported with it, and is none of the memory that it takes.
            work, args, kwargs = _receive(requests)
            if not is_limited:
                _limit_memory(memory)
                is_limited = True
            _limit_time(seconds)
            try:
                answer = pickle.dumps((work(*args, **kwargs), None))
            except Exception as error:
                answer = pickle.dumps((None, error))
            _send(answers, answer)


def _limit_memory(n_bytes: int) -> None:
    if not _STATM.is_file():
        return
    import resource

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
