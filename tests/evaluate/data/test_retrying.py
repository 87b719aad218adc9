"""Storage that is busy, drops connections or stays away: no sample is lost or repeated."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing

import pytest

from fault_server import FaultServer
from imagenetq.evaluate.data import Patience, open_data
from imagenetq.retrying import Interrupted, resumed, retried
from imagenetq.specification import variant
from sample_lines import sample_lines

SHARDS = "/data/{clean,blur-3,noise-50,contrast-0.3,jpeg-10,jpeg2000-28}/test-{00000..00001}.tar"


@pytest.fixture(params=["parquet", "tars"])
def server(request):
    with FaultServer(request.getfixturevalue(request.param)) as server:
        yield server


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_storage(server, rendered, lines, impatient, status, capsys) -> None:
    server.fail("manifest.json", status=status, times=2)
    for name in ("clean", "noise-50"):
        server.fail(f"/data/{name}/", status=status, times=3)
    assert lines(open_data(server.url, patience=impatient)) == rendered
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"cannot be read (HTTP {status}); asking again in 0 s" in told[0]


@pytest.mark.parametrize("after", [0, 1000, 100_000, 300_000])
def test_dropped_connections(server, rendered, lines, impatient, after) -> None:
    for name in ("clean", "noise-50", "contrast-0.3"):
        server.drop(f"/data/{name}/", after=after, times=3)
    assert lines(open_data(server.url, patience=impatient)) == rendered


def test_busy_storage_of_bare_tars(tar_server, rendered, lines, impatient) -> None:
    tar_server.fail("clean/test-00000", status=503, times=2)
    tar_server.drop("noise-50/test-00000", after=200_000, times=4)
    tar_server.drop("blur-3/test-00001", after=512, times=2)
    assert lines(open_data(tar_server.url + SHARDS, patience=impatient)) == rendered


def test_storage_that_stays_away(server, impatient) -> None:
    data = open_data(server.url, patience=impatient)
    (task, _) = data.tasks([variant("noise-50")])
    server.fail("noise-50", status=503, times=1000)
    start = time.monotonic()
    with pytest.raises(OSError, match=r"noise-50/.*HTTP 503.* times in a row; run") as caught:
        list(task.samples())
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, Interrupted)
    assert time.monotonic() - start < 4
    assert 5 <= len(server.requests("noise-50")) <= 9


@pytest.mark.parametrize(("status", "error"), [(403, PermissionError), (400, OSError)])
def test_a_refusal_is_final(server, impatient, status, error) -> None:
    data = open_data(server.url, patience=impatient)
    (task, _) = data.tasks([variant("noise-50")])
    server.forget()
    server.fail("noise-50", status=status, times=1000)
    with pytest.raises(error, match=f"HTTP {status}"):
        list(task.samples())
    assert len(server.requests("")) == 1


def test_a_sample_that_was_handed_out_is_not_handed_out_again(server, impatient, line) -> None:
    data = open_data(server.url, patience=impatient)
    (task, _) = data.tasks([variant("noise-50")])
    expected = [line(sample) for sample in task.samples()]
    with closing(task.samples()) as samples:
        found = [line(next(samples)) for _ in range(30)]
        server.drop("noise-50", after=300_000, times=1)
        server.fail("noise-50", status=429, times=1)
        found += map(line, samples)
    assert found == expected


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(("method", "n_workers"), [("fork", 2), ("spawn", 1)])
def test_worker_processes(server, rendered, lines, impatient, method, n_workers) -> None:
    data = open_data(server.url, patience=impatient)
    # The parent has used its connections before it forks.
    lines(data, ["clean"])
    tasks = data.tasks(data.variants)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(n_workers, mp_context=context) as workers:
        found = [line for part in workers.map(sample_lines, tasks) for line in part]
    assert sorted(found) == sorted(rendered.elements())


def test_leaving_early_ends_the_connection(server, impatient) -> None:
    data = open_data(server.url, patience=impatient)
    for task in data.tasks(data.variants):
        with closing(task.samples()) as samples:
            next(samples)


def flaky(failures: list[int]):
    """Reads 10 rows; in each attempt fails before the next of the rows that are listed."""

    def read():
        for row in range(10):
            if failures and failures[0] == row:
                del failures[0]
                raise Interrupted("the storage: cannot be read")
            yield row

    return read


def test_progress_renews_patience() -> None:
    patience = Patience(seconds=0.05, first_pause=0.02)
    assert list(resumed(flaky([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), patience)) == list(range(10))
    with pytest.raises(OSError, match=r"cannot be read, 2 times in a row; run the same command"):
        list(resumed(flaky([3, 3, 3]), patience))


def test_pauses_double_up_to_a_limit(monkeypatch, capsys) -> None:
    clock = [0.0]
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def ask() -> None:
        raise Interrupted("x: cannot be read")

    with pytest.raises(OSError, match="x: cannot be read, 7 times in a row"):
        retried(ask, Patience())
    assert pauses == [1, 2, 4, 8, 16, 16]
    assert capsys.readouterr().err.splitlines()[-1] == "x: cannot be read; asking again in 16 s"


def test_other_errors_pass_at_once() -> None:
    def read():
        yield 1
        raise FileNotFoundError("gone")

    with closing(resumed(read, Patience())) as rows:
        assert next(rows) == 1
        with pytest.raises(FileNotFoundError, match="gone"):
            next(rows)
