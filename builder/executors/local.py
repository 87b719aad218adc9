"""Run units in worker processes of this machine, which end cleanly when interrupted.

Each worker is spawned, not forked, so that it shares no state with its parent. It never sees
Ctrl-C, which is the parent's to handle, and it dies with its parent, however that dies.
"""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.synchronize import Event
from typing import Any

from typing_extensions import override

from imagenetq import workers
from imagenetq.builder.executors.base import (
    POLL_SECONDS,
    Context,
    Reporter,
    Result,
    Unit,
    Work,
    signals_ignored,
)
from imagenetq.errors import BuildStopped
from imagenetq.progress import Tally, usable_cores

# One process a core: libraries that start threads of their own would only get in the way.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_WHAT = "what the units need"


class StoppedError(Exception):
    """The error in a worker that was asked to stop."""


class SharedReporter(Reporter):
    """A reporter that counts in memory that all workers of this machine share."""

    def __init__(self, context: multiprocessing.context.SpawnContext) -> None:
        self._counts = context.Array("q", 3)
        self._stop: Event = context.Event()

    @override
    def advance(self, images: int, *, already_done: bool = False) -> None:
        with self._counts.get_lock():
            self._counts[0] += images
            self._counts[1] += images if already_done else 0

    @override
    def add_bytes(self, n_bytes: int) -> None:
        with self._counts.get_lock():
            self._counts[2] += n_bytes

    def tally(self) -> Tally:
        """Read what all workers have counted."""
        with self._counts.get_lock():
            return Tally(*self._counts[:])

    def ask_to_stop(self) -> None:
        """Make every worker end at its next image."""
        self._stop.set()

    @override
    def stop_if_asked(self) -> None:
        if self._stop.is_set():
            raise StoppedError


@dataclass(frozen=True)
class _Worker:
    """What a worker process was started for."""

    job: bytes
    """Function to call and its context, packed."""

    reporter: SharedReporter
    """Connection to the parent."""

    @cached_property
    def unpacked(self) -> tuple[Callable[..., Any], Any]:
        """The function and its context; if unpacking fails, a unit fails, not the process."""
        function, context = workers.unpacked(self.job, _WHAT)
        return function, context


_worker: _Worker


def run_units(work: Work[Context, Unit, Result]) -> Generator[Result, None, None]:
    """Do every unit, in worker processes; see `RunUnits`."""
    spawn = multiprocessing.get_context("spawn")
    job = workers.packed((work.function, work.context), _WHAT)
    with workers.environment(_ONE_THREAD):
        with workers.started_clean():
            # First, since Python starts a process for it and then lets Ctrl-C through again.
            reporter = SharedReporter(spawn)
        with _ctrl_c_withheld(), workers.started_clean() as processes:
            pool = ProcessPoolExecutor(
                max_workers=max(1, min(work.workers or usable_cores(), len(work.units))),
                mp_context=spawn,
                initializer=_start,
                initargs=(_Worker(job, reporter),),
            )
            pending = {pool.submit(_work, unit) for unit in work.units}
        try:
            while pending:
                done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                work.on_tally(reporter.tally())
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise BuildStopped(
                f"a worker process {workers.how_they_ended(processes)}; "
                "the same command goes on where it stopped, perhaps with fewer --workers"
            ) from None
        finally:
            reporter.ask_to_stop()
            with signals_ignored():
                pool.shutdown(wait=True, cancel_futures=True)
            work.on_tally(reporter.tally())


def _start(worker: _Worker) -> None:
    global _worker
    _worker = worker
    workers.end_with_parent()


def _work(unit: Any) -> Any:
    _worker.reporter.stop_if_asked()
    try:
        function, context = _worker.unpacked
        return function(context, unit, _worker.reporter)
    except StoppedError:
        raise
    except Exception as error:
        raise workers.portable(error) from None


@contextmanager
def _ctrl_c_withheld() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started here; one that comes to us is delayed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
