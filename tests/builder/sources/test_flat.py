import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagenetq.builder.sources.folder import ClassFolders, FlatFolder
from imagenetq.errors import BadImage, SourceError

Contents = Callable[[Any], set[tuple[str, str, str]]]
CSV = (
    "ImageId,PredictionString\n"
    "ILSVRC2012_val_00000001,n01440764 1 2 3 4\n"
    "ILSVRC2012_val_00000002,n01443537 1 2 3 4\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images with their solution beside them."""
    folder = tmp_path / "val"
    folder.mkdir()
    (folder / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"one")
    (folder / "ILSVRC2012_val_00000002.JPEG").write_bytes(b"two")
    (tmp_path / "LOC_val_solution.csv").write_text(CSV)
    return folder


@pytest.mark.parametrize("labels", ["kit", "solution"])
@pytest.mark.parametrize("suffixed", [False, True])
def test_gives_what_class_folders_give(
    photographs: list[Any],
    contents: Contents,
    kit: Path,
    solution: str,
    tmp_path: Path,
    labels: str,
    suffixed: bool,
) -> None:
    flat, folders = tmp_path / "flat", tmp_path / "folders"
    flat.mkdir()
    for photo in photographs:
        name = f"{photo.image_id}_{photo.wnid}{photo.suffix}" if suffixed else photo.name
        (flat / name).write_bytes(photo.data)
        (folders / photo.wnid).mkdir(parents=True, exist_ok=True)
        (folders / photo.wnid / photo.name).write_bytes(photo.data)
    if labels == "kit":
        shutil.copytree(kit, tmp_path / kit.name)
    else:
        (tmp_path / "LOC_val_solution.csv").write_text(solution)

    listed = contents(FlatFolder(flat))
    assert len(listed) == len(photographs)
    assert listed == contents(ClassFolders(folders))


def test_other_files_are_ignored(folder: Path) -> None:
    for name in ("README.txt", ".DS_Store", "._ILSVRC2012_val_00000001.JPEG"):
        (folder / name).touch()

    assert [image.name for image in FlatFolder(folder).images()] == [
        "ILSVRC2012_val_00000001.JPEG",
        "ILSVRC2012_val_00000002.JPEG",
    ]


def test_refuses_an_image_without_a_label(folder: Path) -> None:
    (folder / "holiday.png").touch()

    with pytest.raises(SourceError, match=r"holiday\.png.*LOC_val_solution\.csv has no label"):
        FlatFolder(folder).images()


def test_refuses_a_suffix_that_disagrees_with_the_labels(folder: Path) -> None:
    (folder / "ILSVRC2012_val_00000001_n01443537.JPEG").touch()

    with pytest.raises(SourceError, match="n01443537 by its name, but n01440764 by its label"):
        FlatFolder(folder).images()


def test_refuses_images_without_labels(folder: Path) -> None:
    (folder.parent / "LOC_val_solution.csv").unlink()

    with pytest.raises(
        SourceError, match=r"no labels for these photographs; put ILSVRC2012_devkit"
    ):
        FlatFolder(folder).images()


def test_names_an_image_that_is_gone(folder: Path) -> None:
    source = FlatFolder(folder)
    image = source.images()[0]
    (folder / image.name).unlink()

    with pytest.raises(BadImage) as caught:
        source.read(image)
    assert str(caught.value).startswith(f"{image.name}: cannot be read ")
    assert str(folder) not in str(caught.value)


def test_pickles_hold_the_path_alone(folder: Path) -> None:
    source = FlatFolder(folder)
    images = source.images()
    pickled = pickle.dumps(source)

    assert len(pickled) < 1000
    assert pickle.loads(pickled).read(images[1]) == b"two"
