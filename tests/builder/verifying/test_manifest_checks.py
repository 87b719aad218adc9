"""Manifest and card cannot say what the rows do not bear out; and a build writes them again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagenetq import classes
from imagenetq.builder import build, open_source, verify
from imagenetq.errors import FolderError
from imagenetq.manifest import MANIFEST_NAME, read_manifest

pytestmark = pytest.mark.usefixtures("in_this_process")

ONLY = ["clean", "contrast-0.5"]
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def source(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "images", 6)


@pytest.fixture(scope="module")
def intact(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "q"
    build(open_source(source), out, subset="mini", only=ONLY)
    return out


@pytest.fixture
def folder(intact: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(intact, tmp_path / "q")
    return tmp_path / "q"


def edit_manifest(folder: Path, change: Change) -> None:
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    change(manifest)
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))


def add_bad(manifest: dict[str, Any], image_id: str, wnid: str) -> None:
    note = {"image_id": image_id, "wnid": wnid, "reason": f"{image_id}: damaged"}
    manifest["bad_images"].append(note)


def add_present_as_bad(manifest: dict[str, Any]) -> None:
    add_bad(manifest, "ILSVRC2012_val_00000003", classes.wnids()[2])


@pytest.mark.parametrize("damage", ["deleted", "config", "count", "version", "no yaml", "no text"])
def test_another_card_is_found_and_written_again(folder: Path, source: Path, damage: str) -> None:
    card = folder / "README.md"
    text = card.read_text()
    changes = {
        "config": text.replace("data/contrast-0.5/*", "data/clean/*"),
        "count": text.replace("num_examples: 6", "num_examples: 5"),
        "version": text.replace("version: 1.0.0", "version: 1.0.1"),
        "no yaml": text.replace("configs:", "configs: ["),
        "no text": "\0",
    }
    card.unlink()
    if damage != "deleted":
        assert changes[damage] != text
        card.write_text(changes[damage])
    cure = "not this dataset's card; run the same `imagenetq build` to write it again"
    assert verify(folder) == [f"{card}: {cure}"]
    shards = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    build(open_source(source), folder, subset="mini", only=ONLY)
    assert card.read_text() == text
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")} == shards
    assert verify(folder) == []


def test_a_card_may_be_written_on(folder: Path) -> None:
    with (folder / "README.md").open("a") as card:
        card.write("\nOur copy lies on the second shelf.\n")
    assert verify(folder) == []


EDITS: dict[str, tuple[Change, str]] = {
    "images": (lambda m: m.update(images=7), "images is not what the rows give"),
    "rows": (
        lambda m: m["variants"]["clean"].update(rows=7),
        "variants is not what the rows give",
    ),
    "mean_psnr": (
        lambda m: m["variants"]["contrast-0.5"].update(mean_psnr=99.0),
        "variants is not what the rows give",
    ),
    "image_bytes": (
        lambda m: m["variants"]["clean"].update(image_bytes=1),
        "variants is not what the rows give",
    ),
    "uniform": (
        lambda m: m["variants"]["clean"].update(uniform=1),
        "variants is not what the rows give",
    ),
    "a variant without rows": (
        lambda m: m.update(
            variants=m["variants"] | {"jpeg-10": m["variants"]["contrast-0.5"]},
        ),
        "variants is not what the rows give",
    ),
    "subset full": (lambda m: m.update(subset="full"), "classes short is not what the rows give"),
    "subset sample": (lambda m: m.update(subset="sample"), "subset is not what the rows give"),
    "classes_absent": (
        lambda m: m["classes_absent"].pop(),
        "classes absent is not what the rows give",
    ),
    "classes_short": (
        lambda m: m.update(classes_short={classes.wnids()[0]: 1}),
        "classes short is not what the rows give",
    ),
    "dataset_version": (
        lambda m: m.update(dataset_version="1.0.7"),
        "dataset version is not what the rows give",
    ),
    "pixel_digest": (
        lambda m: m.update(pixel_digest="0" * 64),
        "pixel digest is not what the rows give",
    ),
    "source_digest": (
        lambda m: m.update(source_digest="0" * 64),
        "source digest is not what the rows give",
    ),
    "a present image called bad": (
        add_present_as_bad,
        "ILSVRC2012_val_00000003 is called left out, but it is there",
    ),
    "a bad image of an absent class": (
        lambda m: add_bad(m, "invented", classes.wnids()[99]),
        "classes absent is not what the rows give",
    ),
    "a bad image beyond its class's share": (
        lambda m: add_bad(m, "invented", classes.wnids()[0]),
        "subset is not what the rows give",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_manifest_is_found(folder: Path, edit: str) -> None:
    change, problem = EDITS[edit]
    edit_manifest(folder, change)
    assert f"{MANIFEST_NAME}: {problem}" in verify(folder)


def test_an_edited_manifest_is_written_again(folder: Path, intact: Path, source: Path) -> None:
    for change, _ in EDITS.values():
        edit_manifest(folder, change)
    build(open_source(source), folder, subset="mini", only=ONLY)
    assert read_manifest(folder) == read_manifest(intact)
    assert verify(folder) == []


def test_more_images_than_the_subset_allows_are_found(source: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(source, images)
    path = next(images.rglob("*.JPEG"))
    shutil.copy(path, path.with_name("ILSVRC2012_val_00000099.JPEG"))
    build(open_source(images), tmp_path / "q", subset="full", only=["jpeg-2"], allow_short=True)
    assert verify(tmp_path / "q") == []
    edit_manifest(tmp_path / "q", lambda m: m.update(subset="mini", classes_short={}))
    assert f"{MANIFEST_NAME}: subset is not what the rows give" in verify(tmp_path / "q")


def invent_a_variant(manifest: dict[str, Any]) -> None:
    manifest["variants"]["foo"] = manifest["variants"]["clean"]


def swap_variants(manifest: dict[str, Any]) -> None:
    manifest["variants"] = dict(reversed(manifest["variants"].items()))


def drop_a_variant(manifest: dict[str, Any]) -> None:
    del manifest["variants"]["clean"]


@pytest.mark.parametrize("change", [invent_a_variant, swap_variants, drop_a_variant])
def test_variants_that_are_not_the_ladder_s_are_refused(
    folder: Path, source: Path, change: Change
) -> None:
    edit_manifest(folder, change)
    with pytest.raises(FolderError, match=r"manifest\.json: damaged or of another version: .*var"):
        verify(folder)
    build(open_source(source), folder, subset="mini", only=ONLY)
    assert verify(folder) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "\0\xff"])
def test_a_damaged_manifest_is_written_again(
    folder: Path, intact: Path, source: Path, text: str
) -> None:
    (folder / MANIFEST_NAME).write_text(text, encoding="latin-1")
    build(open_source(source), folder, subset="mini", only=ONLY)
    assert read_manifest(folder) == read_manifest(intact)
    assert verify(folder) == []


def test_an_image_that_was_left_out_as_bad_but_is_good_now_is_found(
    source: Path, tmp_path: Path
) -> None:
    images, out = tmp_path / "images", tmp_path / "q"
    shutil.copytree(source, images)
    path = sorted(images.rglob("*.JPEG"))[4]
    good = path.read_bytes()
    path.write_bytes(b"not an image")
    build(open_source(images), out, subset="mini", only=ONLY, skip_bad=True)
    assert verify(out) == []
    assert verify(out, open_source(images)) == []
    path.write_bytes(good)
    name = f"{path.parent.name}/{path.name}"
    assert verify(out, open_source(images)) == [f"{name}: was left out as bad, but is good now"]
