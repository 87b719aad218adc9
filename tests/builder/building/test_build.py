"""The builder as a whole: same bytes however it runs, nothing lost however it ends."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from imagenetq.builder import build, estimate, open_source
from imagenetq.errors import BuildStopped, FolderError, SourceError, UsageError
from imagenetq.files import TEMPORARY_PREFIX, sha256_of
from imagenetq.manifest import MANIFEST_NAME, read_manifest
from imagenetq.selection import select
from no_workers import no_workers

Start = Callable[..., "subprocess.Popen[str]"]

SOME = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-28"]
"""One variant of each kind: how a build runs, ends and goes on is the same for all 52."""


@pytest.fixture(scope="module")
def reference(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """230 images, all 52 variants, built undisturbed in one process. Not to be changed."""
    out = tmp_path_factory.mktemp("reference") / "q"
    with no_workers():
        build(open_source(source_230), out, subset="mini")
    return out


@pytest.fixture(scope="module")
def some(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images in some variants. Not to be changed."""
    out = tmp_path_factory.mktemp("some") / "q"
    with no_workers():
        build(open_source(source_230), out, subset="mini", only=SOME)
    return out


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every published file but the manifest, whose code commit may move on."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and ".build" not in path.parts and path.name != MANIFEST_NAME
    }


def temporary_files(folder: Path) -> list[Path]:
    return list(folder.rglob(f"{TEMPORARY_PREFIX}*"))


def test_manifest_says_what_is_there(reference: Path) -> None:
    manifest = read_manifest(reference)
    assert (manifest.images, len(manifest.variants), len(manifest.shards)) == (230, 52, 156)
    assert len(manifest.classes_absent) == 770
    for shard in manifest.shards:
        path = reference / shard.path
        assert (path.stat().st_size, sha256_of(path)) == (shard.bytes, shard.sha256)
    assert [s.rows for s in manifest.shards if s.variant == "blur-3"] == [100, 100, 30]
    assert not temporary_files(reference)


def test_rows_follow_the_selection(reference: Path, source_230: Path) -> None:
    import pyarrow.parquet as pq

    selection = select(open_source(source_230).images(), "mini")
    shards = sorted((reference / "data" / "jpeg-10").iterdir())
    ids = [x for shard in shards for x in pq.read_table(shard)["image_id"].to_pylist()]
    assert ids == [image.image_id for image in selection.images]


def test_any_number_of_workers_gives_the_same_bytes(
    some: Path, source_230: Path, tmp_path: Path
) -> None:
    manifest = build(open_source(source_230), tmp_path / "q", subset="mini", only=SOME, workers=3)
    assert manifest.pixel_digest == read_manifest(some).pixel_digest
    assert files_of(tmp_path / "q") == files_of(some)


@pytest.mark.usefixtures("in_this_process")
def test_both_formats_have_one_pixel_digest(some: Path, source_230: Path, tmp_path: Path) -> None:
    options = {"subset": "mini", "only": SOME, "format_name": "webdataset"}
    manifest = build(open_source(source_230), tmp_path / "w", **options)
    assert manifest.pixel_digest == read_manifest(some).pixel_digest
    assert manifest.source_digest == read_manifest(some).source_digest


@pytest.mark.usefixtures("in_this_process")
def test_done_units_are_not_rendered_again(
    reference: Path, source_230: Path, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    shutil.copytree(reference, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    again = build(open_source(source_230), out, subset="mini")
    assert again == read_manifest(reference)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before


@pytest.mark.usefixtures("in_this_process")
def test_damaged_and_lost_shards_are_made_again(
    some: Path, source_230: Path, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    shutil.copytree(some, out)
    damaged = out / "data" / "blur-3" / "test-00001-of-00003.parquet"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    (out / "data" / "clean" / "test-00002-of-00003.parquet").unlink()
    (out / "data" / "clean" / f"{TEMPORARY_PREFIX}123-left-behind").write_bytes(b"x")
    build(open_source(source_230), out, subset="mini", only=SOME)
    assert files_of(out) == files_of(some)


@pytest.fixture
def start(start: Start, source_230: Path) -> Start:
    """Starts a build of some variants, as a user does."""

    def begin(out: Path, *, workers: int) -> "subprocess.Popen[str]":
        what = ("build", source_230, "--subset", "mini", "--only", ",".join(SOME))
        return start(*what, "--out", out, "--workers", workers, start_new_session=True)

    return begin


def wait_until_rendering(process: "subprocess.Popen[str]", out: Path) -> None:
    while process.poll() is None and not any(out.glob(f"data/*/{TEMPORARY_PREFIX}*")):
        time.sleep(0.02)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment_it_resumes_to_the_same_bytes(
    some: Path, source_230: Path, tmp_path: Path, start: Start, seed: int
) -> None:
    out = tmp_path / "q"
    process = start(out, workers=2)
    time.sleep(random.Random(seed).uniform(0.5, 4.0))
    process.kill()
    process.communicate()
    assert not (out / MANIFEST_NAME).exists() or files_of(out) == files_of(some)
    manifest = build(open_source(source_230), out, subset="mini", only=SOME)
    assert manifest.pixel_digest == read_manifest(some).pixel_digest
    assert files_of(out) == files_of(some)
    assert not temporary_files(out)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_cleans_up_and_says_how_to_go_on(
    tmp_path: Path, start: Start, stop: signal.Signals
) -> None:
    out = tmp_path / "q"
    process = start(out, workers=2)
    wait_until_rendering(process, out)
    if stop == signal.SIGINT:
        os.killpg(process.pid, stop)  # As a terminal does: the workers get it too.
    else:
        process.send_signal(stop)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.search(
        r"^\d+ of 230 photographs are done; the same command goes on$", errors, re.MULTILINE
    )
    assert "Traceback" not in errors
    assert not temporary_files(out)


def test_a_killed_worker_stops_the_build_with_one_line(tmp_path: Path, start: Start) -> None:
    import psutil

    out = tmp_path / "q"
    process = start(out, workers=2)
    wait_until_rendering(process, out)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    workers[0].kill()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.strip().splitlines()[-1].startswith("imagenetq: a worker process was killed")
    assert "Traceback" not in errors


def test_workers_die_with_their_parent(tmp_path: Path, start: Start) -> None:
    import psutil

    process = start(tmp_path / "q", workers=2)
    wait_until_rendering(process, tmp_path / "q")
    children = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_an_unfinished_folder_cannot_be_loaded_by_mistake(tmp_path: Path, start: Start) -> None:
    from datasets import load_dataset

    out = tmp_path / "q"
    process = start(out, workers=2)
    wait_until_rendering(process, out)
    process.kill()
    process.communicate()
    with pytest.raises(FileNotFoundError, match="INCOMPLETE"):
        load_dataset(str(out), cache_dir=str(tmp_path / "cache"))


@pytest.mark.usefixtures("in_this_process")
def test_a_full_disk_loses_nothing(
    some: Path, source_230: Path, small_disk: Callable[[int], Path], start: Start
) -> None:
    disk = small_disk(2 * 2**20)
    out = disk / "q"
    process = start(out, workers=1)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    assert errors.splitlines()[-1].startswith(f"imagenetq: {out}: the disk is full; ")
    assert re.search(r"need about [1-9][\d.]* [kM]B; ", errors.splitlines()[-1])
    assert not temporary_files(out)
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    build(open_source(source_230), out, subset="mini", only=SOME)
    assert files_of(out) == files_of(some)


def test_two_builds_of_one_folder_do_not_mix(source_230: Path, tmp_path: Path) -> None:
    out = tmp_path / "q"
    (out / ".build").mkdir(parents=True)
    with (
        FileLock(out / ".build" / "lock"),
        pytest.raises(FolderError, match="another build, render or push is writing there"),
    ):
        build(open_source(source_230), out, subset="mini")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"format_name": "webdataset"}, "format"),
        ({"only": ["blur"]}, "variants"),
    ],
)
def test_a_folder_of_another_plan_is_refused(
    reference: Path, source_230: Path, change: dict[str, object], what: str
) -> None:
    before = files_of(reference)
    with pytest.raises(FolderError, match=f"begun with another {what}"):
        build(open_source(source_230), reference, subset="mini", **change)
    assert files_of(reference) == before


def test_a_folder_of_another_version_is_refused(
    reference: Path, source_230: Path, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    shutil.copytree(reference, out)
    plan = json.loads((out / ".build" / "plan.json").read_text())
    plan["dataset_version"] = "0.9.0"
    (out / ".build" / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(FolderError, match=r"another dataset version \(0.9.0; now 1.0.0\)"):
        build(open_source(source_230), out, subset="mini")


@pytest.mark.usefixtures("in_this_process")
def test_another_source_is_refused(
    reference: Path, source_230: Path, make_source, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    shutil.copytree(reference, out)
    number_230 = select(open_source(source_230).images(), "mini").images[229]
    last = f"number 230 is {number_230.image_id} {number_230.wnid}, rank 0; now none"
    with pytest.raises(FolderError, match=rf"other photographs \({last}\)"):
        build(open_source(make_source(tmp_path / "fewer", 229)), out, subset="mini")
    other = tmp_path / "other"
    shutil.copytree(source_230, other)
    path = sorted(other.rglob("*.JPEG"))[40]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FolderError, match=f"another file of {path.stem}"):
        build(open_source(other), out, subset="mini")
    shutil.rmtree(other)
    shutil.copytree(source_230, other)
    assert build(open_source(other), out, subset="mini") == read_manifest(reference)


def test_foreign_and_impossible_folders_are_refused(source_230: Path, tmp_path: Path) -> None:
    source = open_source(source_230)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    with pytest.raises(FolderError, match="holds other files"):
        build(source, tmp_path / "full", subset="mini")
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="is a file"):
        build(source, tmp_path / "file", subset="mini")
    with pytest.raises(FolderError, match="cannot be written"):
        build(source, tmp_path / "file" / "q", subset="mini")
    with pytest.raises(FolderError, match="cannot be written"):
        build(source, Path("/proc/imagenet-q"), subset="mini")


@pytest.mark.usefixtures("in_this_process")
def test_short_classes_are_refused_or_recorded(make_source, tmp_path: Path) -> None:
    source = open_source(make_source(tmp_path / "images", 3))
    with pytest.raises(SourceError, match="needs 10 photographs a class"):
        build(source, tmp_path / "q", only=["contrast-0.5"])
    manifest = build(source, tmp_path / "q", only=["contrast-0.5"], allow_short=True)
    assert list(manifest.classes_short.values()) == [1, 1, 1]
    assert list(manifest.variants) == ["contrast-0.5"]


def test_wrong_words_are_refused_before_anything_is_written(
    source_230: Path, tmp_path: Path
) -> None:
    source = open_source(source_230)
    for wrong in (
        {"subset": "tiny"},
        {"subset": "sample"},
        {"format_name": "zip"},
        {"only": ["blurr"]},
    ):
        with pytest.raises(UsageError):
            build(source, tmp_path / "q", **{"subset": "mini", **wrong})
    with pytest.raises(TypeError, match="unexpected keyword argument 'worker'"):
        build(source, tmp_path / "q", worker=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'worker'"):
        estimate(source, worker=2)
    assert not (tmp_path / "q").exists()


@pytest.fixture
def source_with_bad_images(make_source, tmp_path: Path) -> Path:
    folder = make_source(tmp_path / "images", 120)
    paths = sorted(folder.rglob("*.JPEG"))
    paths[10].write_bytes(paths[10].read_bytes()[:400])
    paths[60].write_bytes(b"")
    paths[110].write_bytes(b"not an image")
    return folder


@pytest.mark.usefixtures("in_this_process")
def test_bad_images_are_all_named_and_can_be_mended(
    source_with_bad_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "q"
    bad = [sorted(source_with_bad_images.rglob("*.JPEG"))[i] for i in (10, 60, 110)]
    wanting = r"q is incomplete for want of the photographs named above \(3\); mend them, or add"
    with pytest.raises(BuildStopped, match=wanting):
        build(open_source(source_with_bad_images), out, subset="mini", only=["jpeg-2"])
    named = capsys.readouterr().err
    assert all(f"{path.parent.name}/{path.name}: " in named for path in bad)
    assert not (out / MANIFEST_NAME).exists()
    good = sorted(source_with_bad_images.rglob("*.JPEG"))[0].read_bytes()
    for path in bad:
        path.write_bytes(good)
    manifest = build(open_source(source_with_bad_images), out, subset="mini", only=["jpeg-2"])
    assert (manifest.images, manifest.bad_images) == (120, ())


@pytest.mark.usefixtures("in_this_process")
def test_bad_images_can_be_left_out(source_with_bad_images: Path, tmp_path: Path) -> None:
    source = open_source(source_with_bad_images)
    out = tmp_path / "q"
    manifest = build(source, out, subset="mini", only=["clean", "jpeg-2"], skip_bad=True)
    assert manifest.images == 117
    assert len(manifest.bad_images) == 3
    rows = {name: summary.rows for name, summary in manifest.variants.items()}
    assert rows == {"clean": 117, "jpeg-2": 117}
    # Without the option the folder counts as incomplete again, and says so.
    with pytest.raises(BuildStopped, match=r"for want of the photographs named above \(3\)"):
        build(source, out, subset="mini", only=["clean", "jpeg-2"])
