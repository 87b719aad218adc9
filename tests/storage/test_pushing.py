"""Pushing to a bucket and from one, by the command line: killed, refused, and on to the Hub."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import s3fs

from hub_server import HubServer
from imagenetq.builder import build, copy, open_source
from imagenetq.builder.folders import open_folder
from imagenetq.errors import FolderError, PublishError, UsageError
from imagenetq.evaluate.data import open_data
from imagenetq.manifest import MANIFEST_NAME
from no_workers import no_workers

# Commands start workers of their own all the same.
pytestmark = pytest.mark.usefixtures("in_this_process")

URL = "s3://bucket/q"
SHARD = "data/blur-3/test-00001-of-00003.parquet"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def client(bucket: str) -> s3fs.S3FileSystem:
    """Somebody else's client, which remembers no listing."""
    del bucket
    return s3fs.S3FileSystem(use_listings_cache=False)


@pytest.fixture
def start(start: Start, bucket: str, local: Path) -> Start:
    """Starts a push into the bucket, as a user does."""
    del bucket
    return partial(start, "push", local, URL, "--workers", "1")


def dataset(files: dict[str, str]) -> dict[str, str]:
    """Files by path, but a build's own."""
    return {path: sha256 for path, sha256 in files.items() if not path.startswith(".build/")}


def times(client: s3fs.S3FileSystem) -> dict[str, object]:
    found = client.find("bucket/q/data", detail=True)
    return {path: info["LastModified"] for path, info in found.items()}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_ended_early_it_goes_on_and_sends_nothing_twice(
    start, client, local: Path, objects, files, end: signal.Signals
) -> None:
    process = start()
    while not client.exists(f"bucket/q/{SHARD}"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(end)
    _, said = process.communicate(timeout=30)
    if end == signal.SIGINT:
        assert (process.returncode, said.splitlines()[-1]) == (130, "imagenetq: interrupted")
    # What a reader would take for finished is not there.
    with pytest.raises(FolderError, match=r"no manifest\.json, so no complete dataset"):
        open_data(URL)
    assert b"still being uploaded" in client.cat_file("bucket/q/README.md")
    before = times(client)
    process = start()
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert out.splitlines()[0] == f"{URL}: copied"
    assert out.splitlines()[2] == (
        f'load_dataset("parquet", data_files="{URL}/data/jpeg-10/*.parquet", streaming=True)'
    )
    assert objects(URL) == dataset(files(local))
    after = times(client)
    assert len(after) > len(before) > 0
    assert before.items() <= after.items()


@pytest.mark.usefixtures("unverified")
def test_the_printed_line_loads(bucket: str, local: Path) -> None:
    from datasets import load_dataset

    line = copy(local, f"{bucket}/q").loading
    rows = eval(line, {"load_dataset": load_dataset})["train"]
    assert sum(1 for _ in rows) == 230


@pytest.mark.usefixtures("unverified")
def test_a_push_that_another_dataset_began_is_left_alone(bucket: str, local: Path, client) -> None:
    manifest = open_folder(local).manifest()
    other = manifest.model_copy(update={"pixel_digest": "0" * 64})
    client.pipe_file("bucket/q/.build/manifest.json", other.to_json().encode())
    with pytest.raises(PublishError, match=r"holds another dataset \(pixel digest 000000000000"):
        copy(local, URL)
    repacked = manifest.model_copy(
        update={"shards": (manifest.shards[0].model_copy(update={"bytes": 1}),)}
    )
    client.pipe_file("bucket/q/manifest.json", repacked.to_json().encode())
    with pytest.raises(PublishError, match="holds the same pixels in other files; use those"):
        copy(local, URL)
    assert len(client.find("bucket/q")) == 2
    copy(local, f"{bucket}/mine")
    client.pipe_file("bucket/mine/data/clean/notes.txt", b"mine")
    with pytest.raises(PublishError, match=r"something else \(data/clean/notes\.txt\); push to an"):
        copy(local, f"{bucket}/mine")
    client.pipe_file("bucket/begun/.build/plan.json", b"{}")
    with pytest.raises(PublishError, match="holds other files; push to an empty or a new place"):
        copy(local, f"{bucket}/begun")


@pytest.mark.usefixtures("unverified")
def test_a_shard_that_changes_meanwhile_is_not_sent(
    bucket: str, local: Path, client, tmp_path: Path
) -> None:
    folder = tmp_path / "q"
    shutil.copytree(local, folder)
    shard = folder / SHARD
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(PublishError, match=f"{SHARD}: changed while it was pushed; verify the fol"):
        copy(folder, f"{bucket}/q")
    assert not client.exists(f"bucket/q/{SHARD}")
    assert not client.exists(f"bucket/q/{MANIFEST_NAME}")
    assert not client.exists("bucket/q/.build/lock")


def test_a_dataset_that_does_not_verify_is_not_sent(
    bucket: str, local: Path, client, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "q"
    shutil.copytree(local, folder)
    (folder / SHARD).unlink()
    with pytest.raises(PublishError, match="named above; nothing was pushed; mend them"):
        copy(folder, f"{bucket}/q", workers=1)
    assert f"{folder / SHARD}: missing" in capsys.readouterr().err
    assert client.find("bucket/q") == []


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("https://127.0.0.1:9/q", "a web server takes no files; give a folder or a bucket"),
        ("hf://datasets/org/q", "publish that with `imagenetq push`"),
        (URL, "that is the dataset itself; name another place"),
    ],
)
def test_where_nothing_can_be_pushed(bucket, local, target, message) -> None:
    copy(local, f"{bucket}/q")
    with pytest.raises(UsageError, match=message):
        copy(f"{bucket}/q/", target)


def test_the_hubs_options_are_refused(bucket: str, local: Path, call) -> None:
    for option in ("--public", "--recipe-only", "--accept-imagenet-terms", "--gated=auto"):
        ended = call("push", local, f"{bucket}/q", option)
        assert ended.returncode == 2
        assert "are for the Hub; who may read a storage is set there" in ended.stderr
    ended = call("push", local, "s3://none/q", "--workers", "1")
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("imagenetq: ")]
    assert "there is no such bucket or place; make it first" in line


@pytest.fixture(scope="module")
def few(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of four small shards. Not to be changed by a test."""
    folder = tmp_path_factory.mktemp("few")
    source = open_source(make_source(folder / "images", 5))
    with no_workers():
        build(source, folder / "q", subset="mini", only=["clean", "blur-3", "noise-50", "jpeg-10"])
    return folder / "q"


@pytest.mark.parametrize("xet", [False, True])
def test_from_a_bucket_to_the_hub(bucket: str, few: Path, client, run, tmp_path, xet) -> None:
    client.put(f"{few}/", "bucket/q/", recursive=True)
    (tmp_path / "tmp").mkdir()
    with HubServer() as hub:
        hub.tokens["hf_writer"] = "write"
        environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_TOKEN": "hf_writer",
            "HF_HUB_DISABLE_XET": str(int(not xet)),
            "TMPDIR": str(tmp_path / "tmp"),
        }
        ended = run("push", f"{bucket}/q", "org/q", "--workers", "1", env=environment)
        assert ended.returncode == 0, ended.stderr
        files = hub.repositories["org/q"].files("v1.0.0")
        shards = {path: (few / path).read_bytes() for path in files if path.startswith("data/")}
        assert len(shards) == 4
        assert {path: files[path].content for path in shards} == shards
        assert not list((tmp_path / "tmp").iterdir())
        recipe = run("push", f"{bucket}/q", "org/r", "--recipe-only", "--workers", "1",
                     env=environment)  # fmt: skip
        assert recipe.returncode == 0, recipe.stderr
        # What is on the Hub goes to a storage, too.
        if not xet:
            back = run("push", "hf:org/q", f"{bucket}/back", "--workers", "1", env=environment)
            assert back.returncode == 0, back.stderr
            assert shards == {path: client.cat_file(f"bucket/back/{path}") for path in shards}
