"""Units run in worker processes; errors and progress come back."""

import os

import pytest

from imagenetq.builder.executors import Work
from imagenetq.builder.executors.local import run_units
from imagenetq.errors import BuildStopped, SourceError, WorkerError
from imagenetq.progress import Tally
from worker_tasks import die, fail, square, stumble, threads


def test_results_and_progress_come_back() -> None:
    tallies: list[Tally] = []
    results = run_units(Work(square, 100, range(5), 2, tallies.append))
    assert sorted(results) == [100, 101, 104, 109, 116]
    assert tallies[-1] == Tally(images=5, already_done=0, bytes=10)


def test_an_error_of_a_worker_is_raised_here() -> None:
    with pytest.raises(SourceError, match="unit 1 is damaged"):
        list(run_units(Work(fail, None, range(4), 2, lambda _: None)))


def test_workers_run_one_thread_each_and_the_environment_is_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert list(run_units(Work(threads, None, [0], 1, lambda _: None))) == ["1"]
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_no_units_is_no_work() -> None:
    assert list(run_units(Work(square, 0, [], 2, lambda _: None))) == []


def test_what_nobody_foresaw_is_named_with_its_place() -> None:
    with pytest.raises(
        WorkerError, match=r"^ZeroDivisionError: .*worker_tasks\.py:\d+\)"
    ) as raised:
        list(run_units(Work(stumble, None, [0], 1, lambda _: None)))
    assert "in stumble" in raised.value.__notes__[0]


def test_a_killed_worker_stops_the_work() -> None:
    with pytest.raises(BuildStopped, match=r"^a worker process was killed \(out of memory\?\); "):
        list(run_units(Work(die, None, [0], 1, lambda _: None)))


def test_functions_of_no_module_go_with_the_work() -> None:
    def doubled(offset: int, unit: int, reporter: object) -> int:
        del reporter
        return offset + 2 * unit

    assert list(run_units(Work(doubled, 1, [20], 1, lambda _: None))) == [41]
