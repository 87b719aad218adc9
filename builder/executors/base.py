"""Define an executor, which calls a function for each unit somewhere else and gives the results."""

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from imagenetq.progress import Tally

Context = TypeVar("Context")
Unit = TypeVar("Unit")
Result = TypeVar("Result")

POLL_SECONDS = 0.2
"""Seconds to wait for a result before progress is shown again."""


class Reporter(ABC):
    """A worker's connection to the process that waits for it.

    It sends progress, and receives the wish to stop.
    """

    @abstractmethod
    def advance(self, images: int, *, already_done: bool = False) -> None:
        """Count images as worked on."""

    @abstractmethod
    def add_bytes(self, n_bytes: int) -> None:
        """Count bytes of image files."""

    @abstractmethod
    def stop_if_asked(self) -> None:
        """Raise an exception that ends the work, if the waiting process asked for it."""


@dataclass(frozen=True)
class Work(Generic[Context, Unit, Result]):
    """Units of work, and what does them."""

    function: Callable[[Context, Unit, Reporter], Result]
    """Function that does one unit; of a module, so that it can be named to another process."""

    context: Context
    """What all units share; picklable."""

    units: Sequence[Unit]
    workers: int | None
    """Number of units at once; one a core if None."""

    on_tally: Callable[[Tally], None]
    """Called a few times a second with the workers' progress."""


class RunUnits(Protocol):
    """An executor of units of work."""

    def __call__(self, work: Work[Context, Unit, Result]) -> Generator[Result, None, None]:
        """Do every unit, and give results as they come; closing the generator ends all work.

        A unit may be begun more than once, where whoever worked on it was lost. The first error
        that a worker raises is raised here, once the other workers are stopped.
        """


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM while workers end in order, which takes an image's time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    for name in before:
        signal.signal(name, signal.SIG_IGN)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
