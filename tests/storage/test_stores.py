"""Every storage does what a folder does: built into, verified, pushed to and from, evaluated."""

from collections import Counter
from pathlib import Path

import fsspec
import pytest

from imagenetq.builder import build, copy, open_source, verify
from imagenetq.errors import FolderError, PublishError
from imagenetq.evaluate.data import open_data
from imagenetq.manifest import read_manifest
from imagenetq.record import pixel_sha256
from no_workers import no_workers

ONLY = ["clean", "blur-3", "jpeg-10"]
IMAGES = 5


@pytest.fixture(scope="session")
def images(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("stores") / "images", IMAGES)


@pytest.fixture(scope="session")
def built(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, built on this machine. Not to be changed by a test."""
    folder = tmp_path_factory.mktemp("built") / "q"
    with no_workers():
        build(open_source(images), folder, subset="mini", only=ONLY)
    return folder


def files_of(url: str) -> dict[str, bytes]:
    """All files below a URL, but a build's own; read by a client that remembers nothing."""
    client, root = fsspec.url_to_fs(url, use_listings_cache=False)
    client.invalidate_cache()
    root = root.rstrip("/")
    paths = [path for path in client.find(root) if "/.build/" not in path]
    return {path.removeprefix(f"{root}/"): client.cat_file(path) for path in paths}


def content(folder: Path) -> dict[str, bytes]:
    return files_of(folder.as_uri())


def lines(spec: str | Path) -> Counter[tuple[str, str, int, str]]:
    data = open_data(spec)
    return Counter(
        (sample.info.image_id, sample.info.variant, sample.info.label, pixel_sha256(sample.pixels))
        for task in data.tasks(data.variants)
        for sample in task.samples()
    )


def test_built_into_it_is_the_same_dataset(store: str, images: Path, built: Path) -> None:
    url = f"{store}/deep/q"
    manifest = build(open_source(images), url, subset="mini", only=ONLY, workers=2)
    assert manifest == read_manifest(built)
    assert files_of(url) == content(built)
    assert lines(url) == lines(built)
    with no_workers():
        assert verify(url, open_source(images)) == []
        # The same command again goes on, and finds all done.
        assert build(open_source(images), url, subset="mini", only=ONLY) == manifest


@pytest.mark.usefixtures("in_this_process")
def test_pushed_to_and_from_it(store: str, built: Path, tmp_path: Path) -> None:
    copied = copy(built, f"{store}/q", workers=1)
    assert (copied.place.rpartition("/")[2], copied.was_there) == ("q", False)
    assert copied.pixel_digest == read_manifest(built).pixel_digest
    assert files_of(f"{store}/q") == content(built)
    # And back, verified there.
    copy(f"{store}/q", (tmp_path / "back").as_uri(), workers=1)
    assert content(tmp_path / "back") == content(built)


@pytest.mark.usefixtures("unverified", "in_this_process")
def test_tars_stream_from_it(store: str, images: Path, built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tars"
    build(open_source(images), folder, subset="mini", only=ONLY, format_name="webdataset")
    copy(folder, f"{store}/tars", workers=1)
    expected = lines(built)
    assert lines(f"{store}/tars/data/*/*.tar") == expected
    assert lines(f"{store}/tars/data/{{{','.join(ONLY)}}}/test-00000.tar") == expected


@pytest.mark.usefixtures("unverified", "in_this_process")
def test_what_is_lost_or_damaged_there_alone_is_sent_again(store: str, built: Path) -> None:
    url = f"{store}/q"
    copy(built, url, workers=1)
    client, root = fsspec.url_to_fs(url)
    lost, damaged = (
        "data/clean/test-00000-of-00001.parquet",
        "data/blur-3/test-00000-of-00001.parquet",
    )
    client.rm_file(f"{root}/{lost}")
    bad = bytearray(client.cat_file(f"{root}/{damaged}"))
    bad[len(bad) // 2] ^= 1
    client.pipe_file(f"{root}/{damaged}", bytes(bad))
    client.invalidate_cache()
    assert copy(built, url, workers=1).was_there is False
    assert files_of(url) == content(built)
    assert copy(built, url, workers=1).was_there is True


@pytest.mark.usefixtures("unverified", "in_this_process")
def test_another_dataset_there_is_left_alone(
    store: str, images: Path, built: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    build(open_source(images), other, subset="mini", only=["jpeg-2"], workers=1)
    copy(other, f"{store}/q", workers=1)
    with pytest.raises(
        PublishError, match=r"holds another dataset \(pixel digest .*; push to anot"
    ):
        copy(built, f"{store}/q", workers=1)
    assert files_of(f"{store}/q") == content(other)
    client, root = fsspec.url_to_fs(f"{store}/mine")
    client.makedirs(root, exist_ok=True)
    client.pipe_file(f"{root}/thesis.tex", b"years of work")
    client.invalidate_cache()
    with pytest.raises(PublishError, match="holds other files; push to an empty or a new place"):
        copy(built, f"{store}/mine", workers=1)
    with pytest.raises(FolderError, match=r"no manifest|no such folder"):
        copy(f"{store}/none", f"{store}/elsewhere", workers=1)
    assert files_of(f"{store}/mine") == {"thesis.tex": b"years of work"}
