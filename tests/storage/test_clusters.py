"""A bucket that several machines fill: shares of a build, and a Ray cluster."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imagenetq.builder import build, open_source
from imagenetq.manifest import MANIFEST_NAME, read_manifest

ONLY = "clean,blur-3,contrast-0.5,jpeg-10"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(start: Start, bucket: str, source_230: Path, tmp_path: Path) -> Start:
    """Starts a build into the bucket, with a cache folder of its own, as on another machine."""
    what = ("build", source_230, "--subset", "mini", "--only", ONLY, "--out", f"{bucket}/q")

    def begin(machine: str, *more: str) -> "subprocess.Popen[str]":
        env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / machine)}
        return start(*what, *more, env=env)

    return begin


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


@pytest.mark.usefixtures("in_this_process")
def test_shares_of_two_machines_and_a_build_after_them(
    bucket: str, source_230: Path, local: Path, objects, files, start, tmp_path: Path
) -> None:
    shares = [start(f"machine{i}", "--shard", f"{i}/2", "--workers", "1") for i in (1, 2)]
    ended = [share.communicate(timeout=300) for share in shares]
    assert [share.returncode for share in shares] == [0, 0], ended
    names = objects(f"{bucket}/q")
    assert MANIFEST_NAME not in names
    assert not [name for name in names if name.startswith(".build/lock")]
    assert left_in(tmp_path / "machine1") == ["lock", "lock-1of2", "machine"]
    options = {"subset": "mini", "only": ONLY.split(","), "workers": 1}
    assert build(open_source(source_230), f"{bucket}/q", **options) == read_manifest(local)
    assert objects(f"{bucket}/q") == files(local)


def test_a_ray_cluster_that_is_started_for_it(
    bucket: str,
    local: Path,
    objects,
    files,
    start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    process = start("driver", "--executor", "ray", "--workers", "2")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert len(output.splitlines()) == 3
    assert errors.startswith("no Ray cluster to join; one is started on this machine\nRay: ")
    assert objects(f"{bucket}/q") == files(local)
    assert left_in(tmp_path / "driver") == ["lock", "machine"]
