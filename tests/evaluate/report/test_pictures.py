"""The same pixels wherever they come from, and only those of the entries' photographs."""

import numpy as np
import pytest

from imagenetq.builder import build, open_source
from imagenetq.errors import EntryError, FolderError, SourceError
from imagenetq.evaluate import open_data
from imagenetq.evaluate.report.pictures import (
    Picture,
    pictures_of_data,
    pictures_of_source,
    require_same_picture,
)
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


def test_another_photograph_of_that_name_is_refused(pictures, results):
    made = pictures("chelsea", [])
    require_same_picture(made, results[0])
    cropped = Picture("chelsea", made.label, {"clean": made.pixels["clean"][:-1, :-1]})
    for other in (cropped, Picture("chelsea", 7, made.pixels)):
        with pytest.raises(EntryError, match="chelsea: has another class or size here than"):
            require_same_picture(other, results[0])
