"""What every executor does: call a function for each unit, somewhere else, and give the results."""

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from imagenetq.progress import Tally

Context = TypeVar("Context")
Unit = TypeVar("Unit")
Result = TypeVar("Result")

POLL_SECONDS = 0.2
"""How long to wait for a result before progress is shown again."""


class Reporter(ABC):
    """A worker's line to who waits for it: progress up, the wish to stop down."""

    @abstractmethod
    def advance(self, images: int, *, already_done: bool = False) -> None:
        """Count images as worked on."""

    @abstractmethod
    def add_bytes(self, n_bytes: int) -> None:
        """Count bytes of image files."""

    @abstractmethod
    def stop_if_asked(self) -> None:
        """End here, by an exception, if that is wished."""


class RunUnits(Protocol):
    """An executor."""

    def __call__(
        self,
        function: Callable[[Context, Unit, Reporter], Result],
        context: Context,
        units: Sequence[Unit],
        *,
        workers: int | None,
        on_tally: Callable[[Tally], None],
    ) -> Generator[Result, None, None]:
        """Call `function(context, unit, reporter)` for every unit.

        A unit may be begun more than once, where whoever worked on it was lost.

        Args:
            function: of a module, so that it can be named to another process.
            context: what all units share; picklable.
            units: what to work on.
            workers: how many units at once; as many as there are cores if None.
            on_tally: called a few times a second with the workers' progress.

        Yields:
            Results as they come, in any order. Closing ends all work first.

        Raises:
            BuildStopped: workers were killed, and that is not to be mended here.
            Exception: the first one that a worker raised; the others are stopped before.
        """


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let no second Ctrl-C interrupt the workers' orderly end, which takes an image's time."""
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
