"""The whole way, as users go it: build, push by the command line, read back in every way, evaluate.

The photographs are the embedded sample's, as a user's own class folders. The Hub is our own; the
commands and clients that talk to it are the real ones, each in a process of its own.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fault_server import FaultServer
from hub_server import HubServer
from imagenetq.builder import open_source
from imagenetq.evaluate import evaluate, load_model
from imagenetq.evaluate.data import open_data
from imagenetq.record import pixel_sha256

VARIANTS = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-28"]
IMAGES = 9
TOKEN = "hf_writer"
READERS = Path(__file__).with_name("readers.py")

Rows = Counter[tuple[str, str, str]]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    sample = open_source("sample")
    for image in sample.images():
        path = folder / image.wnid / image.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.read(image))
    return folder


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as hub:
        yield hub


@pytest.fixture(scope="module", params=[False, True], ids=["lfs", "xet"])
def environment(
    request: pytest.FixtureRequest, hub: HubServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What the commands of an empty Hub's user see; large files go by git-lfs, or by Xet."""
    hub.reset()
    hub.tokens[TOKEN] = "write"
    inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return inherited | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path_factory.mktemp("home")),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": str(int(not request.param)),
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    }


@pytest.fixture(scope="module")
def command(executable: str, environment: dict[str, str]) -> Callable[..., str]:
    """Runs a command that must succeed; what it prints."""

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [executable, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def read(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Rows]]:
    """Reads with the real clients in new processes, one a node."""
    said = tmp_path_factory.mktemp("readers") / "stderr"
    with (
        said.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, str(READERS)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as readers,
    ):

        def run(how: str, *, nodes: int = 1, **job: Any) -> Rows:
            readers.stdin.write(json.dumps({"read": how, "nodes": nodes, **job}) + "\n")
            readers.stdin.flush()
            answer = readers.stdout.readline()
            assert answer, said.read_text()
            found = json.loads(answer)
            assert all(found)
            return Counter(tuple(row) for rows in found for row in rows)

        yield run


@pytest.fixture(scope="module")
def folders(
    run: Callable[..., Any], photographs: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The dataset in both formats."""
    out = tmp_path_factory.mktemp("datasets")
    shape = ("--subset", "full", "--allow-short", "--only", ",".join(VARIANTS), "--workers", 1)
    for form in ("parquet", "webdataset"):
        done = run("build", photographs, *shape, "--format", form, "--out", out / form)
        assert done.returncode == 0, done.stderr
    return {form: out / form for form in ("parquet", "webdataset")}


@pytest.fixture(scope="module", autouse=True)
def pushed(hub: HubServer, command: Callable[..., str], folders: dict[str, Path]) -> None:
    """Each of them on the Hub, as `org/FORMAT`."""
    for form, folder in folders.items():
        out = command("push", folder, f"org/{form}", "--workers", 1)
        assert out.startswith(f"{hub.url}/datasets/org/{form} v1.0.0: published (private, access")


@pytest.fixture(scope="module")
def expected(folders: dict[str, Path]) -> Callable[[str], Rows]:
    """The rows of a variant, or of all, in the folder."""
    data = open_data(folders["parquet"])
    rows = Counter(
        (sample.info.image_id, sample.info.variant, pixel_sha256(sample.pixels))
        for task in data.tasks(data.variants)
        for sample in task.samples()
    )
    assert len(rows) == rows.total() == IMAGES * len(VARIANTS)

    def of(name: str) -> Rows:
        return Counter({row: 1 for row in rows if name in ("all", row[1])})

    return of


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
@pytest.mark.parametrize("streaming", [False, True])
def test_load_dataset_by_tag(read, expected, form, streaming) -> None:
    source = {"path": f"org/{form}", "name": "jpeg-10", "revision": "v1.0.0"}
    assert read("loaded", streaming=streaming, **source) == expected("jpeg-10")


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_a_stream_resumes_in_mid_shard(read, expected, form) -> None:
    source = {"path": f"org/{form}", "name": "jpeg-10", "revision": "v1.0.0"}
    assert read("resumed", after=4, **source) == expected("jpeg-10")


def test_webdataset_over_http_by_nodes_and_workers(folders, read, expected) -> None:
    with FaultServer(folders["webdataset"]) as server:
        urls = [f"{server.url}/data/{name}/test-00000.tar" for name in VARIANTS]
        assert read("tars", nodes=2, workers=2, urls=urls) == expected("all")
        assert all(len(server.requests(f"/data/{name}/")) == 1 for name in VARIANTS)


def test_webdataset_over_the_hub_by_nodes_and_workers(read, expected) -> None:
    root = "hf://datasets/org/webdataset@v1.0.0/data"
    urls = [f"{root}/{name}/test-00000.tar" for name in VARIANTS]
    assert read("tars", nodes=2, workers=2, urls=urls) == expected("all")


def test_webdataset_by_the_line_of_the_published_card(hub, read, expected) -> None:
    card = hub.repositories["org/webdataset"].files("v1.0.0")["README.md"].content.decode()
    (url,) = re.findall(r'wds\.WebDataset\("([^"]+)"', card)
    assert url.startswith("hf://datasets/org/webdataset@v1.0.0/data/blur-3/")
    assert read("tars", workers=0, urls=url) == expected("blur-3")


@pytest.fixture(scope="module")
def predicted(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The baseline's predictions file of the folder, which no format changes."""
    data = open_data(folders["parquet"])
    (result,) = evaluate([load_model("baseline/nearest")], data, tmp_path_factory.mktemp("here"))
    assert result.predictions.true_rank.shape == (IMAGES, len(VARIANTS))
    return result.predictions.encoded


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_the_same_predictions_from_the_hub(predicted, command, form, tmp_path) -> None:
    model = ("--model", "baseline/nearest", "--workers", 1)
    command("eval", *model, "--data", f"hf:org/{form}@v1.0.0", "--out", tmp_path)
    (written,) = tmp_path.rglob("predictions.parquet")
    assert written.read_bytes() == predicted
