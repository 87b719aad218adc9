"""Units run on a real Ray cluster; whatever is lost there costs only what it was working on."""

import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from imagenetq.builder import build, open_source, verify
from imagenetq.builder.executors import Work, open_executor
from imagenetq.builder.executors import ray as ray_executor
from imagenetq.builder.executors.ray import run_units
from imagenetq.errors import BuildStopped, SourceError, UsageError
from imagenetq.files import TEMPORARY_PREFIX, sha256_of
from imagenetq.manifest import read_manifest
from imagenetq.progress import Tally
from no_workers import no_workers
from worker_tasks import fail, square

ONLY = "clean,noise,contrast-0.5"
MEMORY = 80 * 2**20
SUPPORT = Path(__file__).parents[2] / "support"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without CPUs, and two nodes of one CPU; a lost one is noticed within seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(SUPPORT), prepend=os.pathsep)
        quick = {
            "health_check_initial_delay_ms": 5000,
            "health_check_period_ms": 500,
            "health_check_failure_threshold": 8,
        }
        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": MEMORY,
            "_system_config": quick,
        }
        cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def local(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as this machine builds it."""
    out = tmp_path_factory.mktemp("local") / "q"
    with no_workers():
        build(open_source(source_230), out, subset="mini", only=ONLY.split(","))
    return out


@pytest.fixture
def start(start: Start) -> Start:
    """Starts a build on the cluster, as a user does."""

    def begin(source: Path, out: Path) -> "subprocess.Popen[str]":
        what = ("build", source, "--subset", "mini", "--only", ONLY, "--out", out)
        return start(*what, "--executor", "ray", start_new_session=True)

    return begin


def tasks_of(node: Any) -> list[psutil.Process]:
    """The worker processes of a node that are working on a unit."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [child for child in raylet.children() if "ray::_work" in " ".join(child.cmdline())]


def all_tasks(cluster: Cluster) -> list[psutil.Process]:
    return [task for node in cluster.worker_nodes for task in tasks_of(node)]


def wait_until_at_work(cluster: Cluster, out: Path, process: "subprocess.Popen[str]") -> None:
    while len(all_tasks(cluster)) < len(cluster.worker_nodes) or not any(
        out.glob(f"data/*/{TEMPORARY_PREFIX}*")
    ):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def test_results_and_progress_come_back(cluster: Cluster) -> None:
    del cluster
    tallies: list[Tally] = []
    results = run_units(Work(square, 100, range(5), 2, tallies.append))
    assert sorted(results) == [100, 101, 104, 109, 116]
    assert tallies[-1] == Tally(images=5, already_done=0, bytes=10)
    assert not ray.is_initialized()


def test_an_error_of_a_task_is_raised_here_with_its_place(cluster: Cluster) -> None:
    del cluster
    before = signal.getsignal(signal.SIGTERM)
    place = re.escape(socket.gethostname())
    with pytest.raises(SourceError, match=rf"^unit 1 is damaged \(on {place}\)$"):
        list(run_units(Work(fail, None, range(4), None, lambda _: None)))
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_node_with_other_libraries_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    del cluster
    here = ray_executor._versions()
    monkeypatch.setattr(ray_executor, "_versions", lambda: {**here, "Pillow": "1.0"})
    other = rf"^Pillow is {here['Pillow']} here, but 1\.0 where the build was started; install"
    with pytest.raises(BuildStopped, match=other):
        list(run_units(Work(square, 0, range(2), 1, lambda _: None)))


def test_a_node_that_lacks_a_module_is_said_in_one_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del cluster
    (tmp_path / "only_here.py").write_text("def same(context, unit, reporter):\n    return unit\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = importlib.import_module("only_here").same
    with pytest.raises(BuildStopped, match=r"No module named 'only_here'.* see that every node"):
        list(run_units(Work(function, None, [0], 1, lambda _: None)))


def test_bad_images_are_named_as_in_a_local_build(
    cluster: Cluster, make_source, start: Start, tmp_path: Path
) -> None:
    del cluster
    images = make_source(tmp_path / "images", 4)
    bad = sorted(images.rglob("*.JPEG"))[2]
    bad.write_bytes(bad.read_bytes()[:300])
    _, errors = (process := start(images, tmp_path / "q")).communicate(timeout=120)
    assert process.returncode == 1
    told, end = errors.splitlines()[-2:]
    assert told.startswith(f"{bad.parent.name}/{bad.name}: ")
    assert end.startswith(f"imagenetq: {tmp_path / 'q'} is incomplete for want of the photographs")


def test_a_full_disk_is_said(cluster: Cluster, source_230: Path, small_disk, start: Start) -> None:
    del cluster
    out = small_disk(2**20) / "q"
    process = start(source_230, out)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the disk is full" in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_ctrl_c_ends_the_tasks_and_cleans_up(
    cluster: Cluster, source_230: Path, start: Start, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    process = start(source_230, out)
    wait_until_at_work(cluster, out, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert re.search(r"^\d+ of 230 photographs are done; the same command goes on$", errors, re.M)
    assert errors.splitlines()[-1] == "imagenetq: interrupted"
    assert not list(out.rglob(f"{TEMPORARY_PREFIX}*"))
    assert all_tasks(cluster) == []


# The node comes last, because the cluster is smaller afterwards.
@pytest.mark.parametrize("loss", ["worker", "node"])
def test_what_is_lost_in_mid_build_is_built_elsewhere(
    cluster: Cluster, source_230: Path, local: Path, start: Start, tmp_path: Path, loss: str
) -> None:
    out = tmp_path / "q"
    process = start(source_230, out)
    wait_until_at_work(cluster, out, process)
    node = next(iter(cluster.worker_nodes))
    victims = tasks_of(node)
    if loss == "node":
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        victims = [raylet, *raylet.children(recursive=True)]
    for victim in victims:
        victim.kill()
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    manifest = read_manifest(out)
    assert manifest == read_manifest(local)
    assert bytes_of(out) == bytes_of(local)
    assert output.splitlines()[-1] == f"pixel digest {manifest.pixel_digest}"
    again = re.findall(r"^unit (\d): its .*; it is built again$", errors, re.M)
    assert len(again) == 1, errors
    # Nothing of Ray's own is on the terminal.
    assert len(output.splitlines()) == 3
    assert re.fullmatch(r"Ray: 2 CPUs\n(rendering: .*\n)*unit .*\n(rendering: .*\n)*", errors)
    with no_workers():
        assert verify(out) == []


def test_a_unit_that_kills_every_worker_is_given_up(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del cluster
    from worker_tasks import die

    monkeypatch.setattr(ray_executor, "_ATTEMPTS", 2)
    with pytest.raises(BuildStopped, match=r"^unit 0 was lost 2 times, at last because its worker"):
        list(run_units(Work(die, None, [0], 1, lambda _: None)))
    assert "unit 0: its worker process was killed; it is built again" in capsys.readouterr().err


@pytest.fixture
def blind_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the only node of a cluster does not see: another file system lies over it."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    blinded = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', hidden]
    if os.geteuid() or subprocess.run([*blinded, "true"], capture_output=True).returncode:
        pytest.skip("a file system of a process's own needs root and the right to mount")
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    ray_start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
    node = subprocess.Popen(
        [*blinded, *ray_start, f"--address={cluster.address}", f"--object-store-memory={MEMORY}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield hidden
    node.terminate()
    node.wait()
    cluster.shutdown()


def test_a_node_that_sees_another_folder_or_no_source_is_named(
    blind_node: Path, make_source, start: Start, tmp_path: Path
) -> None:
    make_source(blind_node / "images", 2)
    process = start(blind_node / "images", tmp_path / "q")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.search(
        r"JPEG: could be read when the build began, but not now; .* \(on .*\)$", errors.rstrip()
    )
    process = start(make_source(tmp_path / "images", 2), blind_node / "q")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"{blind_node / 'q'}: a worker on another machine wrote to a folder of its" in errors


def test_no_cluster_at_the_address_is_said_at_once(
    start: Start, make_source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    began = time.monotonic()
    process = start(make_source(tmp_path / "images", 2), tmp_path / "q")
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert line.startswith(f"imagenetq: no Ray cluster at {address} (Connection refused); start")


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'imagenetq\[ray\]'"):
        open_executor("ray")


def test_other_executors_do_not_exist() -> None:
    with pytest.raises(UsageError, match="no executor 'dask'; there are local, ray"):
        open_executor("dask")
