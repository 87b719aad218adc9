"""Verification finds every kind of damage, and names it."""

import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from imagenetq.builder import build, open_source, verify
from imagenetq.errors import FolderError
from imagenetq.files import sha256_of
from imagenetq.manifest import MANIFEST_NAME

pytestmark = pytest.mark.usefixtures("in_this_process")

SHARD = "data/contrast-0.5/test-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def source(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "images", 6)


@pytest.fixture(scope="module")
def intact(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "q"
    build(open_source(source), out, subset="mini", only=["clean", "contrast-0.5", "jpeg2000-28"])
    return out


@pytest.fixture
def folder(intact: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(intact, tmp_path / "q")
    return tmp_path / "q"


def rewrite_rows(folder: Path, change: Callable[[list[dict]], None]) -> None:
    """Forge a shard: change its rows, and its hash in the manifest with it."""
    table = pq.read_table(folder / SHARD)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / SHARD)
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    for shard in manifest["shards"]:
        if shard["path"] == SHARD:
            shard |= {
                "bytes": (folder / SHARD).stat().st_size,
                "sha256": sha256_of(folder / SHARD),
            }
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))


def test_an_intact_folder_has_no_problems(intact: Path, source: Path) -> None:
    assert verify(intact) == []
    assert verify(intact, open_source(source)) == []


def test_tars_and_folders_without_clean_rows_verify(source: Path, tmp_path: Path) -> None:
    build(
        open_source(source),
        tmp_path / "w",
        subset="mini",
        only=["jpeg-10", "blur-9"],
        format_name="webdataset",
    )
    assert verify(tmp_path / "w", open_source(source)) == []


def test_a_flipped_bit_is_found(folder: Path) -> None:
    data = bytearray((folder / SHARD).read_bytes())
    data[len(data) // 3] ^= 4
    (folder / SHARD).write_bytes(data)
    problems = verify(folder)
    assert any(SHARD in line and "SHA-256" in line for line in problems)


@pytest.mark.parametrize("damage", ["missing", "truncated", "stray", "no card"])
def test_files_that_are_not_as_listed_are_found(folder: Path, damage: str) -> None:
    shard = folder / SHARD
    if damage == "missing":
        shard.unlink()
    elif damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-9])
    elif damage == "stray":
        shutil.copy(shard, shard.with_name("test-00001-of-00001.parquet"))
    else:
        (folder / "README.md").unlink()
    named = {"missing": "missing", "truncated": "bytes", "stray": "not in the manifest"}
    assert any(named.get(damage, "card") in line for line in verify(folder))


def test_a_changed_pixel_is_found_even_if_all_file_hashes_are_forged(folder: Path) -> None:
    def change(rows: list[dict]) -> None:
        image = Image.open(BytesIO(rows[2]["image"]["bytes"])).convert("RGB")
        red, green, blue = image.getpixel((3, 4))
        image.putpixel((3, 4), (red ^ 1, green, blue))
        buffer = BytesIO()
        image.save(buffer, "WEBP", lossless=True, exact=True)
        rows[2]["image"]["bytes"] = buffer.getvalue()
        rows[2]["n_bytes"] = len(buffer.getvalue())

    rewrite_rows(folder, change)
    problems = verify(folder)
    assert any(
        SHARD in line and "ILSVRC2012_val" in line and "pixel_sha256" in line for line in problems
    )
    assert any("pixel digest" in line for line in problems)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("label", 7),
        ("wnid", "n02119789"),
        ("value", 0.4),
        ("level", 2),
        ("sse", 1),
        ("psnr", 99.0),
        ("n_bytes", 3),
        ("width", 12),
        ("rank", 5),
        ("pixel_sha256", "0" * 64),
        ("image_id", "someone_else"),
    ],
)
def test_a_wrong_column_is_found(folder: Path, source: Path, column: str, value: object) -> None:
    def change(rows: list[dict]) -> None:
        rows[1][column] = value

    rewrite_rows(folder, change)
    problems = verify(folder, open_source(source))
    assert problems
    assert all("\n" not in line for line in problems)


def test_an_id_that_no_predictions_could_hold_is_found(folder: Path) -> None:
    rewrite_rows(folder, lambda rows: rows[1].update(image_id="x" * 201))
    assert any("its image id is none" in line for line in verify(folder))


def test_a_lost_row_is_found(folder: Path) -> None:
    rewrite_rows(folder, lambda rows: rows.pop())
    assert any("5 rows; the manifest says 6" in line for line in verify(folder))


def test_another_source_is_found(
    intact: Path, make_source, photograph: Image.Image, tmp_path: Path
) -> None:
    other = make_source(tmp_path / "images", 7)
    path = sorted(other.rglob("*.JPEG"))[3]
    photograph.crop((0, 0, 40, 31)).save(path, "JPEG")
    problems = verify(intact, open_source(other))
    assert any(f"{path.stem} (contrast-0.5): its pixels differ" in line for line in problems)
    assert any("belongs to the subset, but the dataset lacks it" in line for line in problems)


def test_wrong_labels_are_found(intact: Path, source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "images")
    first, second = sorted((tmp_path / "images").iterdir())[:2]
    swapped = tmp_path / "images" / "swapped"
    first.rename(swapped)
    second.rename(first)
    swapped.rename(second)
    problems = verify(intact, open_source(tmp_path / "images"))
    assert sum("its class differ" in line for line in problems) == 6


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format_version": 2}', '{"a":' * 5000, "\xff\xfe"]
)
def test_a_damaged_manifest_is_refused_in_one_line(folder: Path, text: str) -> None:
    (folder / MANIFEST_NAME).write_text(text, encoding="latin-1")
    with pytest.raises(FolderError, match=r"manifest\.json: damaged or of another version"):
        verify(folder)


def test_a_manifest_cannot_name_files_elsewhere(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    manifest["shards"][0]["path"] = "data/../../../etc/passwd"
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    with pytest.raises(FolderError, match="damaged or of another version"):
        verify(folder)


def test_folders_of_another_kind_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"nowhere: no such folder; name a built dataset"):
        verify(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match=r"no manifest\.json, so no complete dataset"):
        verify(tmp_path / "empty")
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    manifest |= {"specification_digest": "0" * 64, "dataset_version": "2.0.0"}
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    with pytest.raises(FolderError, match=r"ImageNet-Q 2\.0\.0"):
        verify(folder)
