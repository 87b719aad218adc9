"""The same pixels wherever they come from, and only those of the entries' photographs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faults import flip_bit
from imagenetq.builder import build, open_source
from imagenetq.errors import EntryError, FolderError, SourceError
from imagenetq.evaluate import open_data
from imagenetq.evaluate.report.pictures import (
    Picture,
    pictures_of_data,
    pictures_of_source,
    require_same_picture,
)
from imagenetq.files import sha256_of
from imagenetq.rendering import render

HELD = ["clean", "blur-2", "jpeg-10"]
WANTED = ["blur-2", "jpeg-10", "noise-50"]


@pytest.fixture(scope="module")
def source(make_source, tmp_path_factory):
    """120 images: two shards a variant."""
    return make_source(tmp_path_factory.mktemp("source") / "images", 120)


@pytest.mark.parametrize("format_name", ["parquet", "webdataset"])
def test_a_source_and_a_dataset_give_the_same_pixels(source, tmp_path, format_name):
    build(open_source(source), tmp_path / "q", subset="mini", only=HELD, format_name=format_name)
    for image_id in ("ILSVRC2012_val_00000001", "ILSVRC2012_val_00000117"):
        rendered = pictures_of_source(open_source(source))(image_id, WANTED)
        stored = pictures_of_data(open_data(str(tmp_path / "q")))(image_id, WANTED)
        assert rendered.label == stored.label
        assert sorted(rendered.pixels) == sorted(stored.pixels) == sorted(["clean", *WANTED])
        for name, pixels in rendered.pixels.items():
            assert np.array_equal(pixels, stored.pixels[name]), name


def test_they_are_those_of_the_reference_distortions(pictures, photograph):
    made = pictures("chelsea", ["noise-50", "clean"])
    expected = render(np.asarray(photograph), "noise-50", image_id="chelsea")
    assert np.array_equal(made.pixels["noise-50"], expected)
    assert np.array_equal(made.pixels["clean"], np.asarray(photograph))


def test_a_photograph_that_is_not_there_is_refused(pictures, source, tmp_path):
    with pytest.raises(SourceError, match="the source holds no photograph 'nobody'"):
        pictures("nobody", [])
    build(open_source(source), tmp_path / "q", subset="mini", only=["clean"])
    with pytest.raises(FolderError, match=r"the dataset holds no photograph 'nobody' \(clean\)"):
        pictures_of_data(open_data(str(tmp_path / "q")))("nobody", [])


@pytest.fixture(scope="module")
def built(make_source, tmp_path_factory) -> Path:
    """Three images, clean and blurred, in parquet shards."""
    folder = tmp_path_factory.mktemp("built")
    source = open_source(make_source(folder / "images", 3))
    build(source, folder / "q", subset="mini", only=["clean", "blur-2"])
    return folder / "q"


@pytest.fixture
def three(built, tmp_path) -> Path:
    """A copy of them, to be damaged."""
    return shutil.copytree(built, tmp_path / "q")


def test_a_damaged_shard_gives_no_picture(three):
    picture = pictures_of_data(open_data(str(three), check_pixels="none"))
    for seed, name in enumerate(("clean", "blur-2") * 2):
        (shard,) = (three / "data" / name).iterdir()
        whole = shard.read_bytes()
        done = flip_bit(shard, seed)
        with pytest.raises(FolderError) as refused:
            picture("ILSVRC2012_val_00000001", ["blur-2"])
        known = f"{name}/{shard.name}: damaged: its SHA-256 is not that of the manifest"
        assert known in str(refused.value), done
        shard.write_bytes(whole)
    assert sorted(picture("ILSVRC2012_val_00000001", ["blur-2"]).pixels) == ["blur-2", "clean"]


def test_another_s_pixels_in_a_shard_that_the_manifest_knows_give_no_picture(three):
    (shard,) = (three / "data" / "blur-2").iterdir()
    table = pq.read_table(shard)
    rows = table.to_pylist()
    rows[0]["image"], rows[1]["image"] = rows[1]["image"], rows[0]["image"]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), shard)
    manifest = json.loads((three / "manifest.json").read_text())
    for known in manifest["shards"]:
        if known["path"] == shard.relative_to(three).as_posix():
            known |= {"sha256": sha256_of(shard), "bytes": shard.stat().st_size}
    (three / "manifest.json").write_text(json.dumps(manifest))
    picture = pictures_of_data(open_data(str(three), check_pixels="none"))
    for row in rows[:2]:
        with pytest.raises(FolderError, match=rf"{row['image_id']}.*pixel"):
            picture(row["image_id"], ["blur-2"])
    # The third has its own.
    assert sorted(picture(rows[2]["image_id"], ["blur-2"]).pixels) == ["blur-2", "clean"]


def test_another_photograph_of_that_name_is_refused(pictures, results):
    made = pictures("chelsea", [])
    require_same_picture(made, results[0])
    cropped = Picture("chelsea", made.label, {"clean": made.pixels["clean"][:-1, :-1]})
    for other in (cropped, Picture("chelsea", 7, made.pixels)):
        with pytest.raises(EntryError, match="chelsea: has another class or size here than"):
            require_same_picture(other, results[0])
