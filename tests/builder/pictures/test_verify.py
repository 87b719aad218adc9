"""Verification of a rendered folder finds every kind of damage, and names it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faults import flip_bit
from imagenetq.builder import render_folder, verify_rendered_folder
from imagenetq.builder.pictures.manifest import FILES_NAME
from imagenetq.errors import FolderError, UsageError
from imagenetq.files import sha256_of
from imagenetq.manifest import RENDER_MANIFEST_NAME

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def folder(pictures: Path, tmp_path: Path) -> Path:
    """A rendered folder, which a test may damage."""
    render_folder(pictures, tmp_path / "out", only=["clean", "blur-1", "jpeg-10"])
    return tmp_path / "out"


def forge(folder: Path, change: Callable[[list[dict]], None]) -> None:
    """Change the table of files, and its hash in the manifest with it."""
    table = pq.read_table(folder / FILES_NAME)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / FILES_NAME)
    manifest = json.loads((folder / RENDER_MANIFEST_NAME).read_text())
    manifest["files_sha256"] = sha256_of(folder / FILES_NAME)
    (folder / RENDER_MANIFEST_NAME).write_text(json.dumps(manifest))


def test_it_needs_neither_the_pictures_nor_the_state_of_the_work(
    folder: Path, pictures: Path, tmp_path: Path
) -> None:
    shutil.rmtree(folder / ".build")
    folder.rename(tmp_path / "moved")
    assert verify_rendered_folder(tmp_path / "moved") == []
    assert verify_rendered_folder(tmp_path / "moved", pictures) == []


def test_each_damage_is_named(folder: Path, pictures: Path) -> None:
    flip_bit(folder / "blur-1" / "a.png", 1)
    (folder / "jpeg-10" / "grey.jpg").unlink()
    (folder / "clean" / "extra.jpg").touch()
    (folder / "notes.txt").touch()
    (folder / "clean" / "a b" / "link").symlink_to(pictures)
    linked = folder / "clean" / "cmyk.jpg"
    linked.unlink()
    linked.symlink_to(pictures / "cmyk.jpg")
    size = (folder / "blur-1" / "a.png").stat().st_size
    assert verify_rendered_folder(folder) == sorted(
        [
            f"{folder}/blur-1/a.png: not the manifest's {size} bytes",
            f"{folder}/jpeg-10/grey.jpg: missing",
            f"{folder}/clean/extra.jpg: not in the manifest; remove it",
            f"{folder}/notes.txt: not in the manifest; remove it",
            f"{folder}/clean/a b/link: not in the manifest; remove it",
            f"{linked}: cannot be read (Too many levels of symbolic links)",
        ]
    )


def test_each_difference_from_the_pictures_is_named(folder: Path, pictures: Path) -> None:
    shutil.copy(pictures / "a.jpg", pictures / "grey.jpg")
    (pictures / "a.png").rename(pictures / "b.png")
    assert verify_rendered_folder(folder) == []
    assert verify_rendered_folder(folder, pictures) == [
        f"{pictures}/a.png: missing",
        f"{pictures}/b.png: was not rendered",
        f"{pictures}/grey.jpg: another file than was rendered",
    ]


def test_a_forged_file_is_found_by_its_pixels(folder: Path, pictures: Path) -> None:
    forged = folder / "jpeg-10" / "a.jpg"
    shutil.copy(folder / "jpeg-10" / "grey.jpg", forged)

    def own_up(rows: list[dict]) -> None:
        (row,) = [row for row in rows if row["file"] == "jpeg-10/a.jpg"]
        row |= {"sha256": sha256_of(forged), "bytes": forged.stat().st_size}

    forge(folder, own_up)
    problems = verify_rendered_folder(folder)
    assert f"{forged}: its pixels are not those that the manifest has a hash of" in problems

    def hide(rows: list[dict]) -> None:
        (grey,) = [row for row in rows if row["file"] == "jpeg-10/grey.jpg"]
        (row,) = [row for row in rows if row["file"] == "jpeg-10/a.jpg"]
        row["pixel_sha256"] = grey["pixel_sha256"]

    forge(folder, hide)
    assert f"{RENDER_MANIFEST_NAME}: pixel digest is not what the rows give" in (
        verify_rendered_folder(folder)
    )
    problems = verify_rendered_folder(folder, pictures)
    assert f"{forged}: its pixels differ from those of {pictures}/a.jpg" in problems


def test_a_table_cannot_lead_out_of_the_folder(folder: Path, pictures: Path) -> None:
    def lead_out(rows: list[dict]) -> None:
        rows[0]["file"] = "../pictures/a.png"
        for row in rows[3:6]:
            row["path"] = "../a.jpg"

    forge(folder, lead_out)
    problems = "\n".join(verify_rendered_folder(folder, pictures))
    assert "'../pictures/a.png' does not lie where 'a b/Zo\\xeb/misnamed.webp' does" in problems
    assert "is out of order" in problems or "its rows are not those of the variants" in problems


@pytest.mark.parametrize(
    ("name", "match"),
    [
        (FILES_NAME, "its SHA-256 is not the manifest's; run the same `imagenetq render`"),
        (RENDER_MANIFEST_NAME, "damaged or of another version"),
    ],
)
def test_a_damaged_manifest_is_one_line(folder: Path, name: str, match: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-30])
    with pytest.raises(FolderError, match=match):
        verify_rendered_folder(folder)


def test_what_is_not_there_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no such folder; name the folder of pictures"):
        verify_rendered_folder(folder, tmp_path / "nowhere")
    (folder / FILES_NAME).unlink()
    with pytest.raises(FolderError, match=f"{FILES_NAME}: missing"):
        verify_rendered_folder(folder)
