"""Building into a bucket, and verifying there: what a folder on this machine would hold."""

import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import s3fs

from imagenetq.builder import build, open_source, verify
from imagenetq.errors import BuildStopped, FolderError
from imagenetq.evaluate.data import open_data
from imagenetq.manifest import MANIFEST_NAME, Manifest, read_manifest

ONLY = ["clean", "blur-3", "contrast-0.5", "jpeg-10"]
RECORD = ".build/units/00001.json"
SHARD = "data/blur-3/test-00001-of-00003.parquet"

Objects = Callable[[str], dict[str, str]]
Start = Callable[..., "subprocess.Popen[str]"]


def built(source: Path, url: str | Path, **options: object) -> Manifest:
    return build(open_source(source), url, **{"subset": "mini", "only": ONLY} | options)


@pytest.fixture
def client(bucket: str) -> s3fs.S3FileSystem:
    """Somebody else's client, which remembers no listing."""
    del bucket
    return s3fs.S3FileSystem(use_listings_cache=False)


def test_a_bucket_holds_the_same_bytes_as_a_folder(
    bucket: str, source_230: Path, local: Path, objects: Objects, files, tmp_path: Path
) -> None:
    url = f"{bucket}/deep/q"
    manifest = built(source_230, f"{url}/", workers=2)
    assert manifest == read_manifest(local)
    assert objects(url) == files(local)
    assert verify(url, open_source(source_230), workers=2) == []
    left = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert sorted(left) == ["lock", "machine"]
    # The same command again reads the records and changes nothing.
    client = s3fs.S3FileSystem(use_listings_cache=False)
    before = {path: info["LastModified"] for path, info in client.find(url, detail=True).items()}
    assert built(source_230, url) == manifest
    after = {path: info["LastModified"] for path, info in client.find(url, detail=True).items()}
    changed = {path.rpartition("/")[2] for path in before if after[path] != before[path]}
    assert changed <= {"plan.json", "README.md", "croissant.json", MANIFEST_NAME, "preview.jpg"}


@pytest.mark.usefixtures("in_this_process")
def test_tars_have_the_same_pixels(bucket: str, make_source, tmp_path: Path) -> None:
    images = make_source(tmp_path / "images", 5)
    manifest = built(images, f"{bucket}/tars", format_name="webdataset", workers=1)
    assert manifest.format == "webdataset"
    assert manifest.pixel_digest == built(images, tmp_path / "q", workers=1).pixel_digest
    assert verify(f"{bucket}/tars", workers=1) == []


@pytest.mark.usefixtures("in_this_process")
def test_a_bucket_itself_may_be_the_folder(bucket: str, make_source, client, tmp_path) -> None:
    images = make_source(tmp_path / "images", 4)
    bad = sorted(images.rglob("*.JPEG"))[2]
    bad.write_bytes(bad.read_bytes()[:300])
    with pytest.raises(BuildStopped, match=r"s3://bucket is incomplete for want of"):
        built(images, bucket, only=["jpeg-10"])
    assert not client.exists("bucket/manifest.json")
    assert not client.find("bucket/data")
    assert built(images, bucket, only=["jpeg-10"], skip_bad=True).images == 3
    assert verify(bucket) == []


@pytest.fixture
def start(start: Start, bucket: str, source_230: Path) -> Start:
    """Starts a build into the bucket, as a user does."""
    what = ("build", source_230, "--subset", "mini", "--only", ",".join(ONLY))
    return partial(start, *what, "--out", f"{bucket}/q")


def wait_for(client: s3fs.S3FileSystem, path: str, process: "subprocess.Popen[str]") -> None:
    while not client.exists(path):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    "moment",
    ["data/clean/test-00000-of-00003.parquet", RECORD],
)
def test_killed_it_resumes_to_the_same_bytes(
    bucket: str, source_230: Path, local: Path, objects, files, client, start, moment: str
) -> None:
    process = start("--workers", "1")
    wait_for(client, f"bucket/q/{moment}", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # What a reader would take for finished is not there.
    with pytest.raises(FolderError, match=r"no manifest\.json, so no complete dataset"):
        open_data(f"{bucket}/q")
    assert b"INCOMPLETE" in client.cat_file("bucket/q/README.md")
    begun = time.monotonic()
    manifest = built(source_230, f"{bucket}/q", workers=2)
    # The machine's own lock says that the one who held the bucket is dead.
    assert time.monotonic() - begun < 20
    assert manifest == read_manifest(local)
    assert objects(f"{bucket}/q") == files(local)


def test_interrupted_it_says_how_to_go_on(client, start) -> None:
    process = start("--workers", "1")
    wait_for(client, "bucket/q/data/clean/test-00000-of-00003.parquet", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "of 230 photographs are done; the same command goes on" in errors
    assert "Traceback" not in errors
    assert not client.exists("bucket/q/.build/lock")


@pytest.mark.usefixtures("in_this_process")
def test_lost_and_cut_objects_are_made_again(
    bucket: str, source_230: Path, local: Path, objects, files, client
) -> None:
    client.put(f"{local}/", "bucket/q/", recursive=True)
    client.rm_file(f"bucket/q/{SHARD}")
    client.pipe_file("bucket/q/data/clean/test-00000-of-00003.parquet", b"PAR1")
    client.rm_file("bucket/q/.build/lock")
    assert built(source_230, f"{bucket}/q") == read_manifest(local)
    assert objects(f"{bucket}/q") == files(local)


@pytest.mark.usefixtures("in_this_process")
def test_verify_finds_what_a_resume_cannot_see(bucket: str, local: Path, client) -> None:
    client.put(f"{local}/", "bucket/q/", recursive=True)
    content = bytearray((local / SHARD).read_bytes())
    content[len(content) // 2] ^= 1
    client.pipe_file(f"bucket/q/{SHARD}", bytes(content))
    client.rm_file("bucket/q/data/jpeg-10/test-00000-of-00003.parquet")
    client.pipe_file("bucket/q/data/jpeg-10/notes.txt", b"mine")
    client.pipe_file("bucket/q/README.md", b"mine")
    problems = verify(f"{bucket}/q", workers=2)
    url = f"{bucket}/q/data"
    for problem in (
        f"{url}/blur-3/test-00001-of-00003.parquet: its SHA-256 is not the manifest's",
        f"{url}/jpeg-10/test-00000-of-00003.parquet: missing",
        f"{url}/jpeg-10/notes.txt: not in the manifest; remove it",
    ):
        assert problem in problems
    assert any("q/README.md: not this dataset's card" in problem for problem in problems)


@pytest.mark.usefixtures("in_this_process")
def test_other_plans_and_foreign_objects_are_refused(
    bucket: str, source_230: Path, local: Path, client
) -> None:
    client.put(f"{local}/", "bucket/q/", recursive=True)
    with pytest.raises(FolderError, match="begun with another format"):
        built(source_230, f"{bucket}/q", format_name="webdataset")
    client.rm_file("bucket/q/.build/plan.json")
    with pytest.raises(FolderError, match=r"is a dataset without the \.build folder"):
        built(source_230, f"{bucket}/q")
    client.pipe_file("bucket/mine/thesis.tex", b"years of work")
    with pytest.raises(FolderError, match="holds other files"):
        built(source_230, f"{bucket}/mine")
    with pytest.raises(FolderError, match=r"thesis\.tex is a file; give a folder"):
        built(source_230, f"{bucket}/mine/thesis.tex")
    assert client.find("bucket/mine") == ["bucket/mine/thesis.tex"]
