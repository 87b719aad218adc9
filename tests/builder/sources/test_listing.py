import os
from pathlib import Path

import pytest

from imagenetq.builder.sources import listing
from imagenetq.errors import BadImage, SourceError
from imagenetq.pictures import MAX_FILE_BYTES, is_image_name, read_image


@pytest.mark.parametrize(
    "name", ["a.JPEG", "a.jpg", "a.b.PnG", "a.bmp", "a.webp", "a.tiff", "a.gif"]
)
def test_image_names(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["a.txt", "jpeg", ".a.jpg", "._a.JPEG", "a.jpg.part", "Thumbs.db"])
def test_other_names(name: str) -> None:
    assert not is_image_name(name)


def test_lists_images_sorted_and_lost_ones_too(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.JPEG", "notes.txt", ".c.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere")

    assert listing.image_files(tmp_path) == ["a.JPEG", "b.jpg", "lost.jpg"]
    with pytest.raises(BadImage, match=r"^n01440764/lost\.jpg: cannot be read .*get it again"):
        read_image(tmp_path / "lost.jpg", "n01440764/lost.jpg")


def test_lists_folders_that_look_like_wnids(tmp_path: Path) -> None:
    for name in ("n01440764", "n99999999", "n0144076", "n014407640", "goldfish", "N01440764"):
        (tmp_path / name).mkdir()
    (tmp_path / "n01443537").touch()

    assert listing.class_folders(tmp_path) == ["n01440764", "n99999999"]


def test_refuses_what_cannot_be_listed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, tmp_path / "nowhere"):
        for listed in (listing.image_files, listing.class_folders):
            with pytest.raises(SourceError, match=r"cannot be listed .*name a folder") as caught:
                listed(folder)
            assert str(folder) in str(caught.value)


def test_reads_regular_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1234")

    assert read_image(path, "a.jpg") == b"1234"


def test_refuses_a_file_of_absurd_size(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    with pytest.raises(BadImage, match=r"^a\.jpg: cannot be read \(.* is too large"):
        read_image(path, path.name)


def test_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")

    with pytest.raises(BadImage, match=r"^a\.jpg: cannot be read \(not a regular file\)"):
        read_image(tmp_path / "a.jpg", "a.jpg")
