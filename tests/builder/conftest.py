"""Units in this process, for tests of what comes of them and not of how they are run."""

import pickle
import sys
from collections.abc import Callable, Generator, Sequence

import pytest

from imagenetq.builder.executors import Reporter
from imagenetq.builder.executors.base import Context, Result, Unit
from imagenetq.progress import Tally


class Counting(Reporter):
    """Counts, and is never asked to stop."""

    def __init__(self) -> None:
        self.tally = Tally(0, 0, 0)

    def advance(self, images: int, *, already_done: bool = False) -> None:
        done = self.tally.already_done + (images if already_done else 0)
        self.tally = Tally(self.tally.images + images, done, self.tally.bytes)

    def add_bytes(self, n_bytes: int) -> None:
        now = self.tally
        self.tally = Tally(now.images, now.already_done, now.bytes + n_bytes)

    def stop_if_asked(self) -> None:
        pass


def run_here(
    function: Callable[[Context, Unit, Reporter], Result],
    context: Context,
    units: Sequence[Unit],
    *,
    workers: int | None,
    on_tally: Callable[[Tally], None],
) -> Generator[Result, None, None]:
    """As the local executor, in turn; all goes through a pickle, as to a process and back."""
    del workers
    reporter = Counting()
    for unit in units:
        sent = pickle.loads(pickle.dumps((function, context, unit)))
        yield pickle.loads(pickle.dumps(sent[0](*sent[1:], reporter)))
        on_tally(reporter.tally)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds and verifications start no worker, which takes longer than a few small images."""
    monkeypatch.setattr("imagenetq.builder.executors.local.run_units", run_here)
    # The package's `verify` is the function, which hides the module.
    monkeypatch.setattr(sys.modules["imagenetq.builder.verify"], "run_units", run_here)
