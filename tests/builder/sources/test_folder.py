import os
import pickle
from pathlib import Path

import pytest

from imagenetq.builder.sources.folder import ClassFolders
from imagenetq.decoding import decode
from imagenetq.errors import BadImage, SourceError
from imagenetq.selection import SourceImage, select


def write(path: Path, data: bytes = b"data") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_reads_real_imagenet(imagenet_sample: Path) -> None:
    source = ClassFolders(imagenet_sample)
    images = source.images()

    assert len(images) == 200
    assert select(images, "mini").images
    for image in images[::20]:
        assert image.name.startswith(f"{image.wnid}/{image.image_id}")
        data = source.read(image)
        assert data == (imagenet_sample / image.name).read_bytes()
        assert decode(data, image.name).ndim == 3


def test_lists_wnid_folders_even_unknown_ones(tmp_path: Path) -> None:
    write(tmp_path / "n01440764" / "a.JPEG")
    write(tmp_path / "n99999999" / "b.JPEG")
    write(tmp_path / "thumbnails" / "c.JPEG")
    images = ClassFolders(tmp_path).images()

    assert images == [
        SourceImage("a", "n01440764", "n01440764/a.JPEG"),
        SourceImage("b", "n99999999", "n99999999/b.JPEG"),
    ]
    with pytest.raises(SourceError, match="n99999999"):
        select(images, "sample")


def test_both_namings_of_an_image_are_one_id(tmp_path: Path) -> None:
    write(tmp_path / "n01440764" / "ILSVRC2012_val_00000293_n01440764.JPEG")
    write(tmp_path / "n01440764" / "ILSVRC2012_val_00000293.JPEG")

    images = ClassFolders(tmp_path).images()
    assert {image.image_id for image in images} == {"ILSVRC2012_val_00000293"}
    with pytest.raises(SourceError, match="remove one"):
        select(images, "sample")


def test_refuses_a_file_in_the_wrong_folder(tmp_path: Path) -> None:
    write(tmp_path / "n01443537" / "ILSVRC2012_val_00000293_n01440764.JPEG")

    with pytest.raises(SourceError, match=r"n01440764 by its name, but n01443537 .*put the right"):
        ClassFolders(tmp_path).images()


def test_refuses_images_that_nobody_sorted(tmp_path: Path) -> None:
    write(tmp_path / "n01443537" / "a.JPEG")
    write(tmp_path / "c.jfif")
    write(tmp_path / "b.jpe")
    with pytest.raises(SourceError, match=r"2 photographs lie beside .*, such as 'b.jpe'"):
        ClassFolders(tmp_path).images()


def test_refuses_folders_named_otherwise(tmp_path: Path) -> None:
    write(tmp_path / "goldfish" / "a.JPEG")

    with pytest.raises(SourceError, match="no class folders; they must be named by wnid") as caught:
        ClassFolders(tmp_path).images()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_names_an_unreadable_folder(tmp_path: Path) -> None:
    write(tmp_path / "n01440764" / "a.JPEG")
    (tmp_path / "n01440764").chmod(0)
    try:
        with pytest.raises(SourceError, match="n01440764: cannot be listed"):
            ClassFolders(tmp_path).images()
    finally:
        (tmp_path / "n01440764").chmod(0o700)


def test_names_an_image_that_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path / "n01440764" / "a.JPEG")
    source = ClassFolders(tmp_path)
    (image,) = source.images()
    path.unlink()

    with pytest.raises(BadImage) as caught:
        source.read(image)
    assert str(caught.value).startswith("n01440764/a.JPEG: cannot be read ")
    assert str(tmp_path) not in str(caught.value)
    assert "get it again" in str(caught.value)


def test_pickles_hold_the_path_alone(tmp_path: Path) -> None:
    source = ClassFolders(tmp_path)

    assert pickle.loads(pickle.dumps(source)) == source
