"""Builds and verifications without worker processes, whose start takes longer than small images."""

import multiprocessing
import pickle
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from imagenetq.builder.executors import Work
from imagenetq.builder.executors.base import Context, Result, Unit
from imagenetq.builder.executors.local import SharedReporter


@contextmanager
def no_workers() -> Iterator[None]:
    """Meanwhile this process does what workers would do, in turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imagenetq.builder.executors.local.run_units", _run_here)
        for importer in ("verifying.verify", "pictures.render", "pictures.verify"):
            patch.setattr(f"imagenetq.builder.{importer}.run_units", _run_here)
        yield


def _run_here(work: Work[Context, Unit, Result]) -> Generator[Result, None, None]:
    """As the local executor; all goes through a pickle, as to a process and back."""
    reporter = SharedReporter(multiprocessing.get_context("spawn"))
    for unit in work.units:
        sent = pickle.loads(pickle.dumps((work.function, work.context, unit)))
        yield pickle.loads(pickle.dumps(sent[0](*sent[1:], reporter)))
        work.on_tally(reporter.tally())
