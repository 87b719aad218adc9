import os
import tarfile
from pathlib import Path

import pytest

from imagenetq.builder.sources import open_source
from imagenetq.builder.sources.archive import TarArchive
from imagenetq.builder.sources.folder import ClassFolders, FlatFolder
from imagenetq.builder.sources.hub import HubDataset
from imagenetq.builder.sources.sample import Sample
from imagenetq.errors import ImagenetqError, SourceError, UsageError

FLAT = "ILSVRC2012_val_00000001.JPEG"
TAR = "ILSVRC2012_img_val.tar"
CLASSED = "n01440764/a.JPEG"


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def refused(spec: str | Path, kind: type[ImagenetqError]) -> str:
    with pytest.raises(kind) as caught:
        open_source(spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_opens_the_sample_by_its_word() -> None:
    assert open_source("sample") == Sample()


def test_a_path_is_never_taken_for_the_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "sample" / CLASSED)
    monkeypatch.chdir(tmp_path)

    assert open_source(Path("sample")) == ClassFolders(Path("sample").absolute())
    assert open_source("./sample") == ClassFolders(Path("sample").absolute())


def test_opens_a_dataset_of_the_hub() -> None:
    source = open_source("hf:ILSVRC/imagenet-1k")

    assert isinstance(source, HubDataset)
    assert source.kind == "hf:ILSVRC/imagenet-1k"


@pytest.mark.parametrize("within", ["", "val"])
@pytest.mark.parametrize(
    ("files", "source"),
    [
        ([CLASSED], ClassFolders),
        ([CLASSED, "stray.JPEG", TAR], ClassFolders),
        ([FLAT], FlatFolder),
        ([FLAT, TAR], FlatFolder),
    ],
)
def test_opens_folders_by_what_they_hold(
    tmp_path: Path, within: str, files: list[str], source: type[ClassFolders | FlatFolder]
) -> None:
    for file in files:
        write(tmp_path / within / file)

    assert open_source(str(tmp_path)) == source(tmp_path / within)


@pytest.mark.parametrize("within", ["", "val"])
def test_opens_the_folder_of_a_tar(tmp_path: Path, within: str) -> None:
    write(tmp_path / within / TAR)

    assert open_source(tmp_path) == TarArchive(tmp_path / within / TAR)


def test_opens_a_tar_of_any_name(tmp_path: Path) -> None:
    write(tmp_path / "mine.TAR")

    assert open_source(str(tmp_path / "mine.TAR")) == TarArchive(tmp_path / "mine.TAR")


def test_a_compressed_tar_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "val_images.tar.gz"
    with tarfile.open(path, "w:gz"):
        pass

    with pytest.raises(SourceError, match="decompress it"):
        open_source(path).images()


def test_says_what_was_expected(tmp_path: Path) -> None:
    write(tmp_path / "photo.jpg")
    os.mkfifo(tmp_path / "pipe.tar")
    (tmp_path / "empty" / "val").mkdir(parents=True)
    write(tmp_path / "named" / "goldfish" / "a.JPEG")

    for name, kind in {
        "nowhere": UsageError,
        "photo.jpg": UsageError,
        "photo.jpg/under": UsageError,
        "pipe.tar": UsageError,
        "empty": SourceError,
        "named": SourceError,
    }.items():
        message = refused(str(tmp_path / name), kind)
        assert message.startswith(str(tmp_path / name))
        assert "a source is a folder of class folders" in message


def test_refuses_paths_that_cannot_be_read(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    for spec in (str(loop), "a\0b", "x" * 5000):
        assert "name a path that you may read" in refused(spec, SourceError)
