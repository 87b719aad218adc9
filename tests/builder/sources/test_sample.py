import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imagenetq import classes
from imagenetq.builder.sources import sample
from imagenetq.builder.sources.sample import PHOTOGRAPHS, Sample
from imagenetq.decoding import decode
from imagenetq.errors import BadImage, SourceError
from imagenetq.selection import select

NAMES = {
    "astronaut": "space shuttle",
    "brick": "stone wall",
    "camera": "tripod",
    "chelsea": "tabby, tabby cat",
    "clock_motion": "analog clock",
    "coffee": "espresso",
    "motorcycle_left": "moped",
    "motorcycle_right": "moped",
    "rocket": "missile",
}


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The photographs in another folder, which the sample then reads."""
    folder = sample._data_folder()
    for name in PHOTOGRAPHS:
        shutil.copy(folder / name, tmp_path)
    monkeypatch.setattr(sample, "_data_folder", lambda: tmp_path)
    return tmp_path


def test_photographs_have_the_classes_that_they_show() -> None:
    images = Sample().images()

    assert {
        image.image_id: classes.names()[classes.labels()[image.wnid]] for image in images
    } == NAMES


def test_every_photograph_is_chosen_and_can_be_decoded() -> None:
    source = Sample()
    chosen = select(source.images(), "sample").images

    assert len(chosen) == len(PHOTOGRAPHS)
    for image in chosen:
        assert decode(source.read(image), image.name).shape[2] == 3


def test_refuses_another_photograph(copy: Path) -> None:
    path = copy / "coffee.png"
    path.write_bytes(path.read_bytes() + b"\0")

    with pytest.raises(SourceError, match=r"not the photograph .*force-reinstall") as caught:
        Sample().images()
    assert str(path) in str(caught.value)


def test_refuses_a_lost_photograph(copy: Path) -> None:
    source = Sample()
    image = source.images()[0]
    (copy / image.name).unlink()

    with pytest.raises(SourceError, match=r"astronaut\.png: missing .*force-reinstall"):
        source.images()
    with pytest.raises(BadImage, match=r"^astronaut\.png: cannot be read"):
        source.read(image)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "find_spec", lambda _: None)

    with pytest.raises(SourceError) as caught:
        Sample().images()
    assert str(caught.value) == (
        "the embedded sample needs scikit-image; pip install scikit-image (extra [sample]), or "
        "name ImageNet's own photographs"
    )


def test_does_not_import_scikit_image() -> None:
    code = (
        "import sys; from imagenetq.builder.sources import open_source;"
        "open_source('sample').images(); assert not {'skimage', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(Sample())) == Sample()
