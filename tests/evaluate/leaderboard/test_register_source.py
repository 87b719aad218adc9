"""A registered source is proven by its name, written the same each time, and reachable anywhere."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from imagenetq import classes
from imagenetq.builder import build, open_source
from imagenetq.errors import FolderError
from imagenetq.evaluate import open_data
from imagenetq.evaluate.leaderboard.register_source import known_source, register
from imagenetq.evaluate.results import registered_sources as module
from imagenetq.evaluate.results.registered_sources import (
    demonstration_of,
    is_registered,
    read_source,
    registered_source,
)
from imagenetq.manifest import read_manifest

IMAGES = 5
DATASETS = Path(__file__).parents[3] / "leaderboard" / "datasets"


@pytest.fixture(scope="module")
def built(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images, of which the clean ones and one variant."""
    folder = tmp_path_factory.mktemp("registering")
    source = open_source(make_source(folder / "images", IMAGES))
    build(source, folder / "q", subset="mini", only=["clean", "jpeg-10"], workers=1)
    return folder / "q"


def test_a_source_is_written_twice_as_the_same_bytes(built, tmp_path):
    digest = read_manifest(built).source_digest
    path = register(open_data(built), tmp_path)
    assert path == tmp_path / f"{digest}.parquet"
    content, written = path.read_bytes(), path.stat().st_mtime_ns
    assert register(open_data(built), tmp_path) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, written)
    assert register(open_data(built), tmp_path / "other").read_bytes() == content
    assert pq.read_schema(path).names == ["image_id", "wnid", "pixel_sha256"]
    source = read_source(path)
    assert source == known_source(open_data(built))
    assert source.classes == {
        f"ILSVRC2012_val_{i + 1:08d}": classes.wnids()[i] for i in range(IMAGES)
    }


def test_no_image_is_in_it(built, tmp_path):
    path = register(open_data(built), tmp_path)
    assert path.stat().st_size < 3000 + IMAGES * 200
    assert b"JFIF" not in path.read_bytes()


def test_a_source_that_was_changed_is_not_believed(built, tmp_path):
    path = register(open_data(built), tmp_path)
    table = pq.read_table(path)
    other = ["n01440764"] * len(table)
    pq.write_table(table.set_column(1, "wnid", [other]), path)
    with pytest.raises(FolderError, match="not the source whose digest its name is"):
        read_source(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(FolderError, match="damaged"):
        read_source(path)


def test_a_dataset_without_clean_images_has_no_source_to_register(
    make_source: Callable[..., Path], tmp_path: Path
) -> None:
    source = open_source(make_source(tmp_path / "images", 2))
    build(source, tmp_path / "q", subset="mini", only=["jpeg-10"], workers=1)
    with pytest.raises(FolderError, match="holds no clean images"):
        register(open_data(tmp_path / "q"), tmp_path / "out")


def test_a_registered_source_is_found_by_its_digest(built, tmp_path, monkeypatch):
    path = register(open_data(built), tmp_path)
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    for cached in (module.registered_digests, module.registered_source):
        cached.cache_clear()
    try:
        assert is_registered(path.stem)
        assert not is_registered("c" * 64)
        assert not is_registered(None)
        assert registered_source(path.stem) == read_source(path)
        assert registered_source("c" * 64) is None
    finally:
        for cached in (module.registered_digests, module.registered_source):
            cached.cache_clear()


def test_the_demonstrations_are_those_of_the_repository(tmp_path):
    told = json.loads((DATASETS / "demonstrations.json").read_text())
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in told)
    build(open_source("sample"), tmp_path / "q", only=["clean"], workers=1)
    digest = read_manifest(tmp_path / "q").source_digest
    assert (
        demonstration_of(digest) == told[digest] == "the embedded sample photographs, not ImageNet"
    )
    assert demonstration_of("c" * 64) is None
    assert not is_registered(digest)


def test_every_registered_source_is_what_its_name_says():
    for path in DATASETS.glob("*.parquet"):
        read_source(path)
