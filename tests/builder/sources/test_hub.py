"""The Hub source: the real clients, in processes of their own, against a Hub on 127.0.0.1."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub_server import MAIN, HubServer
from imagenetq import classes
from imagenetq.builder.sources.hub import HubDataset
from imagenetq.errors import UsageError

TOKEN = "hf_accepted"
ROWS = 24
ROWS_A_GROUP = 2
FILES = 2
README = b"""---
configs:
- config_name: default
  data_files:
  - split: validation
    path: data/validation-*
---
"""

# The clients read HF_ENDPOINT when they are imported, so each test starts processes. A process
# works through jobs and prints what came of each; of back-off it waits only a hundredth.
DRIVER = """
import hashlib, json, os, pickle, sys, time
from pathlib import Path
from imagenetq.builder.sources.hub import HubDataset
from imagenetq.errors import BadImage, ImagenetqError

wait = time.sleep
time.sleep = lambda seconds: wait(seconds / 100)

def work(address, token="", fetch=None, interrupt=False):
    os.environ["HF_TOKEN"] = token
    arrived = []

    def advance(count):
        arrived.append(count)
        if interrupt and len(arrived) > 1:  # The first call counts what was there before.
            raise KeyboardInterrupt

    source = HubDataset(address)
    images = source.images()
    result = {"kind": source.kind, "images": [(i.image_id, i.wnid, i.name) for i in images]}
    if fetch:
        source.fetch(images[1:], Path(fetch), advance)
        sent = pickle.dumps(source)
        worker = pickle.loads(sent)
        try:
            worker.read(images[0])
        except BadImage as error:
            result["unread"] = str(error)
        result["before"], *news = arrived
        result["arrived"] = sum(news)
        result["pickle"] = len(sent)
        result["read"] = [hashlib.sha256(worker.read(i)).hexdigest() for i in images[1:]]
    return result

def outcome(job):
    try:
        return work(**job)
    except ImagenetqError as error:
        return {"error": type(error).__name__, "message": str(error)}

print(json.dumps([outcome(job) for job in json.load(sys.stdin)]))
"""


@dataclass(frozen=True)
class Ended:
    """A process that worked through jobs."""

    status: int
    results: list[Any]
    stderr: str


def start(home: Path, endpoint: str, *jobs: dict[str, Any], **environment: str) -> Ended:
    inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(jobs),
        env=inherited
        | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, json.loads(done.stdout or "[]"), done.stderr)


@pytest.fixture(scope="module")
def photographs(imagenet_sample: Path) -> list[Path]:
    return sorted(imagenet_sample.glob("*/*.JPEG"))[:ROWS]


@pytest.fixture(scope="module")
def rows(photographs: list[Path]) -> list[dict[str, Any]]:
    """The photographs as the Hub's copy of ImageNet names and labels them."""
    return [
        {
            "image": {
                "bytes": photograph.read_bytes(),
                "path": f"ILSVRC2012_val_{number:08d}_{photograph.parent.name}.JPEG",
            },
            "label": classes.labels()[photograph.parent.name],
        }
        for number, photograph in enumerate(photographs, start=1)
    ]


@pytest.fixture(scope="module")
def digests(photographs: list[Path]) -> list[str]:
    return [hashlib.sha256(photograph.read_bytes()).hexdigest() for photograph in photographs]


@pytest.fixture(scope="module")
def files(rows: list[dict[str, Any]]) -> dict[str, bytes]:
    """A repository in the layout of the Hub's copy of ImageNet."""
    each = ROWS // FILES
    return {"README.md": README} | {
        f"data/validation-{part:05d}-of-{FILES:05d}.parquet": parquet(
            rows[part * each : (part + 1) * each]
        )
        for part in range(FILES)
    }


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


def parquet(rows: list[dict[str, Any]], names: tuple[str, ...] = classes.names()) -> bytes:
    from datasets import ClassLabel, Features, Image, Value
    from pyarrow import Table
    from pyarrow.parquet import write_table

    features = {"image": Image(), "label": ClassLabel(names=list(names)), "note": Value("string")}
    schema = Features({name: features[name] for name in rows[0]}).arrow_schema
    buffer = io.BytesIO()
    write_table(Table.from_pylist(rows, schema=schema), buffer, row_group_size=ROWS_A_GROUP)
    return buffer.getvalue()


def image_groups(hub: HubServer) -> int:
    """How many requests brought images: those of listings are of 64 KiB or less."""
    return sum(served.sent > 65536 for served in hub.requests(".parquet"))


def test_listing_reads_no_images(
    hub: HubServer, files: dict[str, bytes], photographs: list[Path], tmp_path: Path
) -> None:
    hub.add("org/name", files, gated=True).accepted.add(TOKEN)
    ended = start(tmp_path, hub.url, {"address": "org/name", "token": TOKEN})
    assert ended.stderr == ""
    (result,) = ended.results
    assert result["kind"] == "hf:org/name"
    assert result["images"] == [
        [
            f"ILSVRC2012_val_{number:08d}",
            photograph.parent.name,
            f"ILSVRC2012_val_{number:08d}_{photograph.parent.name}.JPEG",
        ]
        for number, photograph in enumerate(photographs, start=1)
    ]
    assert image_groups(hub) == 0
    assert hub.served(".parquet") < 0.1 * sum(map(len, files.values()))


def test_an_interrupted_fetch_goes_on(
    hub: HubServer, files: dict[str, bytes], digests: list[str], tmp_path: Path
) -> None:
    hub.add("org/name", files)
    folder = tmp_path / "originals"
    job = {"address": "org/name@main", "fetch": str(folder)}

    broken_off = start(tmp_path, hub.url, job | {"interrupt": True})
    # Not an abort: Arrow's own threads must not outlive the interpreter.
    assert "Fatal" not in broken_off.stderr
    assert broken_off.status < 0 or broken_off.status == 130
    there = {path.name for path in folder.glob("*/*")}
    assert len(there) >= ROWS_A_GROUP - 1

    hub.forget()
    (result,) = start(tmp_path, hub.url, job).results
    assert result["read"] == digests[1:]
    assert result["before"] == len(there)
    assert result["arrived"] == ROWS - 1 - len(there)
    assert image_groups(hub) == -(-result["arrived"] // ROWS_A_GROUP)
    assert "was not fetched" in result["unread"]
    assert result["pickle"] < 1000
    assert not list(folder.glob("*/.tmp-*"))


def test_what_was_fetched_serves_as_long_as_it_is_the_same(
    hub: HubServer,
    files: dict[str, bytes],
    rows: list[dict[str, Any]],
    digests: list[str],
    tmp_path: Path,
) -> None:
    images = [row["image"]["bytes"] for row in rows]
    turned = [
        row | {"image": row["image"] | {"bytes": image}}
        for row, image in zip(rows, images[1:] + images[:1], strict=True)
    ]
    repository = hub.add("org/name", files)
    repository.refs["v1"] = repository.refs[MAIN]
    repository.refs["other"] = repository.commit(validation(parquet(turned)))
    repository.commit(files | {"README.md": README + b"# Read me\n"})
    jobs = [
        {"address": f"org/name@{revision}", "fetch": str(tmp_path / "originals")}
        for revision in ("v1", "main", "other")
    ]
    results = start(tmp_path, hub.url, *jobs).results
    assert [result["before"] for result in results] == [0, ROWS - 1, 0]
    assert [result["arrived"] for result in results] == [ROWS - 1, 0, ROWS - 1]
    assert results[1]["read"] == digests[1:]
    assert results[2]["read"] == digests[2:] + digests[:1]


def test_passing_faults_are_retried(
    hub: HubServer, files: dict[str, bytes], digests: list[str], tmp_path: Path
) -> None:
    names = ["org/broken", "org/busy", "org/cut"]
    data = [f"{name}/resolve/{hub.add(name, files).refs[MAIN]}/data" for name in names]
    hub.fail(data[0], status=500, times=2)
    hub.fail(data[1], status=429, times=2)
    hub.cut(data[2], times=2)
    ended = start(
        tmp_path, hub.url, *({"address": name, "fetch": str(tmp_path / name)} for name in names)
    )
    assert [result.get("read") for result in ended.results] == [digests[1:]] * 3
    assert [served.status for served in hub.requests(data[0])].count(500) == 2
    assert [served.status for served in hub.requests(data[1])].count(429) == 2


def test_lasting_faults_are_told_in_one_line(
    hub: HubServer, files: dict[str, bytes], tmp_path: Path
) -> None:
    names = ["org/broken", "org/cut"]
    data = [f"{name}/resolve/{hub.add(name, files).refs[MAIN]}/data" for name in names]
    hub.fail(data[0], status=500, times=10**6)
    hub.cut(data[1], times=10**6)
    ended = start(tmp_path, hub.url, *({"address": name} for name in names))
    for name, result in zip(names, ended.results, strict=True):
        assert result["error"] == "SourceError"
        assert result["message"].startswith(f"hf:{name} cannot be read from {hub.url} (")
        assert result["message"].endswith("; run the same command again to go on")
        assert "\n" not in result["message"]
    assert "Traceback" not in ended.stderr


def test_no_hub_at_all(tmp_path: Path) -> None:
    with HubServer() as hub:
        gone = hub.url
    (result,) = start(tmp_path, gone, {"address": "org/name"}).results
    assert result["error"] == "SourceError"
    assert result["message"].startswith(f"hf:org/name cannot be read from {gone} (")
    assert result["message"].endswith("Connection refused); run the same command again to go on")
    (result,) = start(tmp_path, gone, {"address": "org/name"}, HF_HUB_OFFLINE="1").results
    assert result == {
        "error": "SourceError",
        "message": "hf:org/name needs the network; unset HF_HUB_OFFLINE",
    }


def test_refusals_say_the_way_out(
    hub: HubServer, files: dict[str, bytes], rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    hub.add("org/gated", files, gated=True)
    hub.add("org/train", {"data/train-00000-of-00001.parquet": parquet(rows[:2])})
    hub.add("org/text", {"data/validation.csv": b"image,label\na,0\n"})
    hub.add("org/ten", validation(parquet([row | {"label": 1} for row in rows], ("no", "yes"))))
    hub.add("org/other", validation(parquet([{"note": "x", "label": 0}])))
    hub.add("org/order", validation(parquet([rows[0] | {"label": 999}])))
    hub.add("org/test", validation(parquet([rows[0] | {"label": -1}])))
    hub.add("org/pathless", validation(parquet([{"image": {"bytes": b"x"}, "label": 0}])))
    path = rows[0]["image"]["path"]
    expected = {
        ("org/gated", ""): (
            "AccessError",
            f"is gated and there is no token: accept its terms at {hub.url}/datasets/org/gated, "
            "then run `hf auth login` or set HF_TOKEN",
        ),
        ("org/gated", "hf_other"): (
            "AccessError",
            f"is gated: accept its terms at {hub.url}/datasets/org/gated while logged in",
        ),
        ("org/none", ""): ("SourceError", f"no such dataset on {hub.url}; check the name"),
        ("org/none", TOKEN): ("SourceError", f"no such dataset on {hub.url}; check the name"),
        ("org/train@v2", ""): ("SourceError", "hf:org/train has no revision v2; see"),
        ("org/train", ""): ("SourceError", "has no split 'validation', only train"),
        ("org/text", ""): ("SourceError", "validation.csv is no parquet file"),
        ("org/ten", ""): ("SourceError", "has 2 classes, not ImageNet's 1,000"),
        ("org/other", ""): ("SourceError", "parquet has no column image.bytes"),
        ("org/order", ""): (
            "SourceError",
            f"{path} of hf:org/order is of class {classes.wnids()[rows[0]['label']]} by its "
            f"name, but {classes.wnids()[999]} by its label 999",
        ),
        ("org/test", ""): ("SourceError", "has label -1, which is not 0 to 999"),
        ("org/pathless", ""): ("SourceError", "a photograph without a path"),
    }
    ended = start(
        tmp_path,
        hub.url,
        *({"address": address, "token": token} for address, token in expected),
    )
    for (address, _), (error, message), result in zip(
        expected.keys(), expected.values(), ended.results, strict=True
    ):
        assert result["error"] == error, result
        assert message in result["message"]
        assert f"org/{address[4:].partition('@')[0]}" in result["message"]
        assert "\n" not in result["message"]
    assert "Traceback" not in ended.stderr


def validation(content: bytes) -> dict[str, bytes]:
    return {"data/validation-00000-of-00001.parquet": content}


@pytest.mark.parametrize("address", ["imagenet-1k", "../etc", "org/name@", "a/b/c", ""])
def test_addresses_of_another_form(address: str) -> None:
    with pytest.raises(UsageError, match="write hf:ORG/NAME"):
        HubDataset(address)
