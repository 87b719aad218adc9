"""The contact sheet shows every variant, of any image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagenetq.builder import contact_sheet
from imagenetq.builder.contact_sheet import write_sheet
from imagenetq.errors import BadImage, FolderError


@pytest.mark.parametrize("size", [(451, 300), (30, 200), (1, 1)])
def test_the_sheet_shows_all_rows(photograph: Image.Image, tmp_path: Path, size) -> None:
    path = tmp_path / "photo.png"
    photograph.resize(size).save(path)
    sheet = np.asarray(contact_sheet(path))
    assert sheet.shape[2] == 3
    assert sheet.shape[1] > 11 * 168
    for row in range(5):
        top = 88 + row * (168 + 34 + 8)
        assert (sheet[top : top + 168, 20:188] != 255).any()


def test_it_refuses_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(BadImage, match=r"a\.png"):
        contact_sheet(tmp_path / "a.png")
    with pytest.raises(BadImage, match="cannot be read"):
        contact_sheet(tmp_path / "none.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_sheet_replaces_sheets_and_nothing_else(
    photograph: Image.Image, tmp_path: Path, suffix: str
) -> None:
    photo, out = tmp_path / f"photo.{suffix}", tmp_path / "new" / f"sheet.{suffix}"
    photograph.resize((30, 20)).save(photo)
    write_sheet(photo, out)
    first = out.read_bytes()
    photograph.resize((20, 30)).save(photo)
    write_sheet(photo, out)
    assert out.read_bytes() != first
    folder = out.with_name(f"folder.{suffix}")
    folder.mkdir()
    before = photo.read_bytes(), out.read_bytes()
    for drawn, place in ((photo, photo), (photo, folder), (out, out)):
        with pytest.raises(FolderError, match="no sheet that imagenetq preview drew; give another"):
            write_sheet(drawn, place)
    assert (photo.read_bytes(), out.read_bytes()) == before
    assert sorted(out.parent.iterdir()) == sorted((folder, out))
