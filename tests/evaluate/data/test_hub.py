"""A dataset on the Hub: the real client, in processes of their own, against a Hub on 127.0.0.1."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hub_server import HubServer, Repository

NAME = "org/q"
TOKEN = "hf_accepted"
SHARD = "data/noise-50/test-00000-of-00002.parquet"

# The client reads HF_ENDPOINT when it is imported. Of its own back-off it waits a hundredth.
# The process opens all datasets, says so, waits for a line, and reads them.
DRIVER = """
import json, os, pickle, sys, time
from imagenetq.errors import ImagenetqError
from imagenetq.evaluate.data import Patience, open_data
from imagenetq.record import pixel_sha256

wait = time.sleep
time.sleep = lambda seconds: wait(seconds / 100)

def attempt(work, token, *arguments):
    os.environ["HF_TOKEN"] = token
    try:
        return work(*arguments)
    except (ImagenetqError, OSError) as error:
        return {"error": type(error).__name__, "message": str(error)}

def opened(spec):
    return open_data(spec, patience=Patience(seconds=10.0, first_pause=1.0))

def read(data, only):
    tasks = data.tasks([v for v in data.variants if only is None or v.name in only])
    lines = [
        (s.info.image_id, s.info.variant, s.info.label, pixel_sha256(s.pixels))
        for task in pickle.loads(pickle.dumps(tasks)) for s in task.samples()
    ]
    return {"lines": lines, "pickle": max(len(pickle.dumps(task)) for task in tasks)}

jobs = [(job.get("token", ""), job["spec"], job.get("only")) for job in json.loads(sys.argv[1])]
data = [attempt(opened, token, spec) for token, spec, _ in jobs]
print("opened", flush=True)
sys.stdin.readline()
results = [
    one if isinstance(one, dict) else attempt(read, token, one, only)
    for one, (token, _, only) in zip(data, jobs, strict=True)
]
print(json.dumps(results))
"""


class Reader:
    """A process that opens datasets, waits, then reads them."""

    def __init__(self, home: Path, hub: HubServer, *jobs: dict[str, Any]) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps(jobs)],
            env=inherited
            | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "TMPDIR": str(home)}
            | {"HF_UPDATE_DOWNLOAD_COUNTS": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_opened(self) -> None:
        assert self.process.stdout.readline() == "opened\n"

    def results(self) -> list[dict[str, Any]]:
        out, _ = self.process.communicate("\n", timeout=300)
        return json.loads(out.splitlines()[-1])


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".build" not in path.parts
    }


@pytest.fixture
def hub():
    with HubServer() as hub:
        yield hub


@pytest.fixture
def repository(hub: HubServer, parquet: Path) -> Repository:
    return hub.add(NAME, files_of(parquet))


def counted(result: dict[str, Any]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(line) for line in result["lines"])


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_same_samples_streamed(hub, parquet, tars, rendered, tmp_path) -> None:
    hub.add("org/q", files_of(parquet))
    hub.add("org/tars", files_of(tars))
    results = Reader(tmp_path, hub, {"spec": "hf:org/q"}, {"spec": "hf:org/tars"}).results()
    for result in results:
        assert counted(result) == rendered
        assert result["pickle"] < 700
    assert on_disk(tmp_path) < 10_000
    for name in ("org/q", "org/tars"):
        requests = Counter(served.path for served in hub.requests(f"/{name}/resolve/"))
        assert len(requests) == 12 + 1
        assert set(requests.values()) == {1}
        assert len(hub.requests(f"/api/datasets/{name}")) <= 6


def test_a_revision_is_pinned_when_it_is_opened(hub, repository, tmp_path) -> None:
    first = repository.refs["main"]
    repository.refs["v1.0.0"] = first
    specs = (f"hf:{NAME}", f"hf:{NAME}@v1.0.0", f"hf:{NAME}@{first}")
    reader = Reader(tmp_path, hub, *({"spec": spec, "only": ["jpeg-10"]} for spec in specs))
    reader.wait_until_opened()
    repository.refs["v1.0.0"] = repository.commit({"manifest.json": b"{}"})
    for result in reader.results():
        assert len(result["lines"]) == 130


@pytest.mark.usefixtures("repository")
def test_a_busy_hub_and_dropped_connections(hub, rendered, tmp_path) -> None:
    hub.fail(f"/api/datasets/{NAME}/revision", status=429, times=1)
    hub.fail(f"/api/datasets/{NAME}/auth-check", status=500, times=1)
    hub.fail("manifest.json", status=503, times=8)
    hub.fail("/tree/", status=429, times=2)
    hub.fail(SHARD, status=429, times=9)
    hub.cut("data/noise-50/test-00001", times=4)
    hub.cut("data/contrast-0.3/", times=2)
    hub.fail("data/clean/", status=500, times=9)
    (result,) = Reader(tmp_path, hub, {"spec": f"hf:{NAME}"}).results()
    assert counted(result) == rendered


def test_a_hub_that_stays_busy(hub, repository, tmp_path) -> None:
    hub.fail(SHARD, status=503, times=100_000)
    (result,) = Reader(tmp_path, hub, {"spec": f"hf:{NAME}", "only": ["noise-50"]}).results()
    assert result["error"] == "StorageError"
    assert f"@{repository.refs['main']}/{SHARD}: cannot be read (HTTP 503)" in result["message"]
    assert "times in a row; run the same command again" in result["message"]


def test_what_the_hub_lacks_is_named(hub, parquet, tmp_path) -> None:
    files = files_of(parquet)
    hub.add("org/missing", {path: data for path, data in files.items() if path != SHARD})
    hub.add("org/short", files | {SHARD: files[SHARD][:-1]})
    hub.add("org/recipe", {"README.md": b""})
    hub.add("org/gated", files, gated=True).accepted.add(TOKEN)
    cases = {
        ("org/missing", ""): ("FolderError", f"{SHARD}: missing"),
        ("org/short", ""): ("FolderError", f"{SHARD}: {len(files[SHARD]) - 1} bytes; the manife"),
        ("org/recipe", ""): ("FolderError", "no manifest.json, so no complete dataset"),
        ("org/none", ""): ("SourceError", "no such dataset on"),
        ("org/short@v9", ""): ("SourceError", "hf:org/short has no revision v9"),
        ("org/gated", ""): ("AccessError", "is gated and there is no token: accept its terms"),
        ("org/gated", "hf_other"): ("AccessError", "is gated: accept its terms"),
    }
    jobs = [{"spec": f"hf:{name}", "token": token} for name, token in cases]
    accepted = {"spec": "hf:org/gated", "token": TOKEN, "only": ["jpeg-10"]}
    *refused, last = Reader(tmp_path, hub, *jobs, accepted).results()
    for result, (error, message) in zip(refused, cases.values(), strict=True):
        assert result["error"] == error, result
        assert message in result["message"]
        assert "\n" not in result["message"]
    assert len(last["lines"]) == 130
