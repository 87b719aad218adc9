"""Units in this process, for tests of what comes of them and not of how they are run."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Generator, Sequence

import pytest

from imagenetq.builder.executors import Reporter
from imagenetq.builder.executors.base import Context, Result, Unit
from imagenetq.builder.executors.local import SharedReporter
from imagenetq.progress import Tally


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
    reporter = SharedReporter(multiprocessing.get_context("spawn"))
    for unit in units:
        sent = pickle.loads(pickle.dumps((function, context, unit)))
        yield pickle.loads(pickle.dumps(sent[0](*sent[1:], reporter)))
        on_tally(reporter.tally())


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds and verifications start no worker, which takes longer than a few small images."""
    monkeypatch.setattr("imagenetq.builder.executors.local.run_units", run_here)
    # The package's `verify` is the function, which hides the module.
    monkeypatch.setattr(sys.modules["imagenetq.builder.verify"], "run_units", run_here)
