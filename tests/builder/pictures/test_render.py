"""Any folder of pictures becomes the same tree of each variant, to the pixel of `render`."""

import json
import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image, ImageOps

import killing
from imagenetq import render, variants
from imagenetq.builder import build, open_source, render_folder, verify_rendered_folder
from imagenetq.builder.pictures.manifest import read_render_manifest
from imagenetq.decoding import decode
from imagenetq.errors import BuildStopped, FolderError, SourceError, UsageError
from imagenetq.files import TEMPORARY_PREFIX, sha256_of
from imagenetq.manifest import RENDER_MANIFEST_NAME, read_manifest

SOME = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-28"]
KINDS = {"blur-3": "PNG", "noise-50": "PNG", "jpeg-10": "JPEG", "jpeg2000-28": "JPEG2000"}


pytestmark = pytest.mark.usefixtures("in_this_process")


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the state of the work, and the lock in it."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and ".build" not in path.parts
    }


def tree(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".xml" and not path.name.startswith(".")
    }


def test_every_file_lies_where_its_picture_does_and_has_the_pixels_of_render(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    manifest = render_folder(pictures, out, only=SOME)
    assert (manifest.pictures, manifest.variants) == (9, tuple(SOME))
    for name in SOME:
        assert tree(out / name) == tree(pictures)
        for path in tree(pictures):
            clean = decode((pictures / path).read_bytes(), path)
            data = (out / name / path).read_bytes()
            with Image.open(BytesIO(data)) as image:
                assert image.format == KINDS.get(name, image.format)
                # Readers that obey an orientation find none.
                shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
            assert np.array_equal(shown, render(clean, name, image_id=path)), (name, path)
    assert (out / "clean" / "a.jpg").read_bytes() == (pictures / "a.jpg").read_bytes()
    said = capsys.readouterr().err
    assert "passed over 1 file without a picture's suffix, such as a b/labels.xml" in said
    assert "names are kept: blur-3/a b/Zoë/misnamed.webp is a .png file" in said
    assert "2 pictures with an orientation tag, such as turned.jpg" in said


def test_all_variants_are_rendered_unless_some_are_named(pictures: Path, tmp_path: Path) -> None:
    for path in tree(pictures) - {"a.jpg"}:
        (pictures / path).unlink()
    render_folder(pictures, tmp_path / "out")
    found = sorted(path.parent.name for path in (tmp_path / "out").rglob("a.jpg"))
    assert found == sorted(variant.name for variant in variants())
    assert len(found) == 52


def test_the_manifest_has_every_hash(pictures: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from imagenetq.record import pixel_sha256

    out = tmp_path / "out"
    manifest = render_folder(pictures, out, only=["blur-3", "jpeg-10"])
    assert manifest == read_render_manifest(out)
    rows = pq.read_table(out / "render-files.parquet").to_pylist()
    assert [(row["path"], row["variant"]) for row in rows] == [
        (path, name) for path in sorted(tree(pictures)) for name in ("blur-3", "jpeg-10")
    ]
    for row in rows:
        file = out / row["file"]
        pixels = decode(file.read_bytes(), row["file"])
        assert row["original_sha256"] == sha256_of(pictures / row["path"])
        assert row["sha256"] == sha256_of(file)
        assert row["bytes"] == file.stat().st_size
        assert row["pixel_sha256"] == pixel_sha256(pixels)
        assert (row["height"], row["width"], 3) == pixels.shape
    assert manifest.bytes == sum(row["bytes"] for row in rows)


def test_suffixes_that_fit_never_collide(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    render_folder(pictures, out, only=["clean", "blur-1", "jpeg-2"], keep_names=False)
    assert tree(out / "clean") == tree(pictures)
    assert tree(out / "blur-1") == {
        *("a.jpg.png", "a.png", "grey.png", "cmyk.png", "turned.jpg.png", "turned.png"),
        *("a b/Zoë/ça 1.png", "a b/Zoë/misnamed.png", "a b/web.png"),
    }
    assert {"a.jpg", "a.png.jpg", "a b/Zoë/ça 1.JPEG"} <= tree(out / "jpeg-2")
    assert "suffixes fit the files" in capsys.readouterr().err
    assert verify_rendered_folder(out, pictures) == []


@pytest.mark.parametrize("other", ["a.jpg.png", "a.jpg.png/b.jpg"])
def test_names_that_would_collide_are_refused(pictures: Path, tmp_path: Path, other: str) -> None:
    (pictures / other).parent.mkdir(exist_ok=True)
    shutil.copy(pictures / "a.jpg", pictures / other)
    with pytest.raises(UsageError, match=r"a\.jpg.* would both become a\.jpg\.png; rename one"):
        render_folder(pictures, tmp_path / "out", only=["blur-1"], keep_names=False)
    assert not (tmp_path / "out").exists()
    render_folder(pictures, tmp_path / "out", only=["blur-1"])


def test_bad_pictures_are_named_at_once_or_left_out(
    pictures: Path, tmp_path: Path, photograph: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (pictures / "a.jpg").read_bytes()
    (pictures / "a.jpg").write_bytes(good[:200])
    photograph.convert("RGBA").resize((9, 9)).save(pictures / "alpha.png")
    (pictures / "lost.jpg").symlink_to(pictures / "nowhere.jpg")
    out = tmp_path / "out"
    with pytest.raises(BuildStopped, match=r"for want of the pictures named above \(3\); mend"):
        render_folder(pictures, out, only=["jpeg-10"])
    said = capsys.readouterr().err
    assert "a.jpg: cannot be decoded" in said
    assert "alpha.png: an image with alpha; flatten it to RGB" in said
    assert "lost.jpg: cannot be read" in said
    with pytest.raises(FolderError, match="not complete; run the interrupted `imagenetq render`"):
        verify_rendered_folder(out)
    manifest = render_folder(pictures, out, only=["jpeg-10"], skip_bad=True)
    assert [bad.path for bad in manifest.bad_pictures] == ["a.jpg", "alpha.png", "lost.jpg"]
    assert manifest.pictures == 8
    assert verify_rendered_folder(out, pictures) == []
    # What was mended is rendered by the same command.
    (pictures / "a.jpg").write_bytes(good)
    (problem,) = verify_rendered_folder(out, pictures)
    assert problem.endswith("a.jpg: was left out as bad, but is good now")
    assert render_folder(pictures, out, only=["jpeg-10"], skip_bad=True).pictures == 9


def test_killed_anywhere_it_goes_on_and_makes_nothing_twice(pictures: Path, tmp_path: Path) -> None:
    only = ["contrast-0.5", "jpeg-10"]
    steps = killing.run(killing.render, pictures, tmp_path / "whole", below=tmp_path / "whole")
    expected = files_of(tmp_path / "whole")
    assert len(steps) > 50
    for number in range(3, len(steps), len(steps) // 5):
        out = tmp_path / f"out{number}"
        killing.run(killing.render, pictures, out, below=out, kill_at=number)
        done = {
            file: (out / file).stat().st_mtime_ns
            for record in out.glob(".build/units/*.json")
            for picture in json.loads(record.read_text())["record"]["pictures"]
            for file in (stored["file"] for stored in picture["files"].values())
        }
        render_folder(pictures, out, only=only)
        assert {file: (out / file).stat().st_mtime_ns for file in done} == done
        assert files_of(out) == expected, steps[number]
        assert not list(out.rglob(f"{TEMPORARY_PREFIX}*"))
    # The last one was killed shortly before its end.
    assert len(done) > len(expected) / 2


def test_torn_states_are_mended(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = render_folder(pictures, out, only=SOME)
    before = files_of(out)
    records = sorted((out / ".build" / "units").iterdir())
    records[0].unlink()
    records[1].write_bytes(records[1].read_bytes()[:-9])
    records[2].write_text(records[2].read_text().replace('"orientation":1', '"orientation":2'))
    (out / "jpeg-10" / "a.png").unlink()
    (out / "blur-3" / "grey.jpg").write_bytes(b"damaged")
    (out / "blur-3" / f"{TEMPORARY_PREFIX}0-left").write_bytes(b"")
    (out / RENDER_MANIFEST_NAME).unlink()
    assert render_folder(pictures, out, only=SOME) == manifest
    assert files_of(out) == before


def test_a_changed_picture_is_rendered_again(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    before = render_folder(pictures, out, only=["jpeg-10"])
    shutil.copy(pictures / "a.png", pictures / "a.jpg")
    after = render_folder(pictures, out, only=["jpeg-10"])
    assert after.pixel_digest != before.pixel_digest
    assert "a.jpg: another file than was rendered; it is rendered again" in capsys.readouterr().err
    assert verify_rendered_folder(out, pictures) == []


def test_another_rendering_in_the_same_folder_is_refused(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_folder(pictures, out, only=["jpeg-10"])
    with pytest.raises(FolderError, match="begun with another variants"):
        render_folder(pictures, out, only=["jpeg-8"])
    with pytest.raises(FolderError, match="begun with another keep names"):
        render_folder(pictures, out, only=["jpeg-10"], keep_names=False)
    shutil.copy(pictures / "a.png", pictures / "new.png")
    (pictures / "a.png").unlink()
    with pytest.raises(
        FolderError, match=r"other pictures \(1 lost, such as 'a.png', 1 new, such as 'new.png'\)"
    ):
        render_folder(pictures, out, only=["jpeg-10"])
    with pytest.raises(FolderError, match="holds other files"):
        build(open_source("sample"), out)
    with pytest.raises(FolderError, match="rendered pictures, not a dataset"):
        read_manifest(out)
    with (
        FileLock(out / ".build" / "lock"),
        pytest.raises(FolderError, match="another build, render or push is writing there"),
    ):
        render_folder(pictures, out, only=["jpeg-10"])


def test_folders_that_are_not_apart_are_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(pictures)
    for out in (pictures, pictures / "out", pictures.parent, tmp_path / "link" / "a b" / "out"):
        with pytest.raises(UsageError, match="must lie apart"):
            render_folder(pictures, out, only=["jpeg-10"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    with pytest.raises(FolderError, match="holds other files"):
        render_folder(pictures, tmp_path / "mine", only=["jpeg-10"])
    with pytest.raises(UsageError, match="s3://bucket/q: pictures are rendered to this machine"):
        render_folder(pictures, "s3://bucket/q")
    with pytest.raises(UsageError, match="no such folder"):
        render_folder(tmp_path / "nowhere", tmp_path / "out")


def test_links_are_followed_but_lead_nowhere_else(pictures: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (pictures / "a.jpg").rename(elsewhere / "b.jpg")
    (pictures / "linked").symlink_to(elsewhere)
    (pictures / "c.jpg").symlink_to(elsewhere / "b.jpg")
    out = tmp_path / "out"
    render_folder(pictures, out, only=["jpeg-10"])
    same = [(out / "jpeg-10" / name).read_bytes() for name in ("linked/b.jpg", "c.jpg")]
    assert same[0] == same[1]
    # A link in the output leads out of it: nothing is written there.
    shutil.rmtree(out / "jpeg-10" / "linked")
    (out / "jpeg-10" / "linked").symlink_to(elsewhere)
    before = (elsewhere / "b.jpg").read_bytes()
    with pytest.raises(FolderError, match="lies behind a link that leads out"):
        render_folder(pictures, out, only=["jpeg-10"])
    assert (elsewhere / "b.jpg").read_bytes() == before
    assert any("behind a link" in line for line in read_problems(out))
    (elsewhere / "back").symlink_to(pictures)
    with pytest.raises(SourceError, match="leads back to a folder that holds it"):
        render_folder(pictures, tmp_path / "other", only=["jpeg-10"])


def read_problems(out: Path) -> list[str]:
    """The problems of a folder that lost its manifest, as if it had one."""
    import multiprocessing

    from imagenetq.builder.executors.local import SharedReporter
    from imagenetq.builder.pictures.verify_unit import PicturesCheck, check_rows

    reporter = SharedReporter(multiprocessing.get_context("spawn"))
    groups = len(list((out / ".build" / "units").iterdir()))
    job = PicturesCheck(out, ("jpeg-10",), None)
    return [line for group in range(groups) for line in check_rows(job, group, reporter)]


@pytest.mark.parametrize("name", [b"new\nline.jpg", b"caf\xe9.jpg"])
def test_names_that_no_manifest_can_hold_are_refused(
    pictures: Path, tmp_path: Path, name: bytes
) -> None:
    shutil.copy(pictures / "a.jpg", os.fsencode(pictures) + b"/" + name)
    with pytest.raises(SourceError, match=r"control characters, or not in UTF-8; rename it$"):
        render_folder(pictures, tmp_path / "out")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").touch()
    with pytest.raises(SourceError, match="in: holds no pictures; name a folder that does"):
        render_folder(tmp_path / "in", tmp_path / "out")


def test_a_full_disk_is_one_line(pictures: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(160_000)
    with pytest.raises(BuildStopped, match=r"the disk is full; .*free") as stopped:
        render_folder(pictures, disk / "out", only=SOME)
    assert "\n" not in str(stopped.value)
    assert not list(disk.rglob(f"{TEMPORARY_PREFIX}*"))


def test_the_commands_say_what_they_did(pictures: Path, tmp_path: Path, call: Callable) -> None:
    told = call("render", pictures, "--out", tmp_path / "out", "--only", "contrast-0.5")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"{tmp_path / 'out'}: 9 pictures x 1 variant, ")
    proved = call("verify", tmp_path / "out", pictures)
    assert proved.stdout == f"{tmp_path / 'out'}: all files and pixels are as the manifest says\n"
    (tmp_path / "out" / "contrast-0.5" / "a.jpg").unlink()
    damaged = call("verify", tmp_path / "out", "--json")
    assert (damaged.returncode, len(json.loads(damaged.stdout)["problems"])) == (1, 1)
    wrong = call("render", pictures, "--out", tmp_path / "out2", "--only", "blurr-3")
    assert wrong.returncode == 2
    assert "did you mean blur-3" in wrong.stderr
