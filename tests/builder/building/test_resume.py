"""A build that ended badly goes on to the same bytes, and trusts nothing that it cannot prove."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import Image

from imagenetq import classes
from imagenetq.builder import build, open_source, verify
from imagenetq.builder.building.plan import make_plan, select_images
from imagenetq.builder.building.unit import BuildJob, complete_unit
from imagenetq.builder.building.unit_records import UnitRecord, record_path, write_record
from imagenetq.builder.executors.local import SharedReporter
from imagenetq.builder.folders import open_folder
from imagenetq.builder.sources import Source
from imagenetq.errors import BuildStopped, FolderError
from imagenetq.files import TEMPORARY_PREFIX, sha256_of
from imagenetq.manifest import MANIFEST_NAME, read_manifest
from imagenetq.shards import ROW_GROUP
from imagenetq.specification import select_variants

pytestmark = pytest.mark.usefixtures("in_this_process")

Start = Callable[..., "subprocess.Popen[str]"]

ONLY = ["clean", "contrast-0.5"]
SHARD = "data/contrast-0.5/test-00000-of-00001.parquet"


@pytest.fixture
def images(make_source, tmp_path: Path) -> Path:
    """Six images, which a test may damage."""
    return make_source(tmp_path / "images", 6)


@pytest.fixture(scope="module")
def intact(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the same six. Not to be changed."""
    folder = tmp_path_factory.mktemp("intact")
    build(open_source(make_source(folder / "images", 6)), folder / "q", subset="mini", only=ONLY)
    return folder / "q"


def build_mini(images: Path, out: Path, **options: object):
    return build(open_source(images), out, **{"subset": "mini", "only": ONLY} | options)


def bytes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the lock."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def truncate(images: Path, number: int) -> bytes:
    """Damage an image, and give the bytes that mend it."""
    path = sorted(images.rglob("*.JPEG"))[number]
    good = path.read_bytes()
    path.write_bytes(good[:400])
    return good


@pytest.fixture
def start(start: Start) -> Start:
    """Starts a build, as a user does."""
    return partial(start, "build", start_new_session=True)


@pytest.mark.parametrize("pause", [0.05, 0.3])
def test_a_second_ctrl_c_changes_nothing(
    source_230: Path, tmp_path: Path, start: Start, pause: float
) -> None:
    out = tmp_path / "q"
    process = start(source_230, "--subset", "mini", "--out", out, "--workers", "2")
    while process.poll() is None and not any(out.glob(f"data/*/{TEMPORARY_PREFIX}*")):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(pause)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    assert re.search(r"^\d+ of 230 photographs are done; the same command goes on$", errors, re.M)
    assert not list(out.rglob(f"{TEMPORARY_PREFIX}*"))


def test_an_image_that_was_left_out_comes_back_once_it_is_mended(
    images: Path, intact: Path, tmp_path: Path
) -> None:
    good = truncate(images, 3)
    before = build_mini(images, tmp_path / "q", skip_bad=True)
    (note,) = before.bad_images
    assert before.images == 5
    path = sorted(images.rglob("*.JPEG"))[3]
    assert note.image_id == path.stem
    assert note.reason.startswith(f"{path.parent.name}/{path.name}: ")
    assert str(tmp_path) not in before.to_json()
    path.write_bytes(good)
    after = build_mini(images, tmp_path / "q", skip_bad=True)
    assert (after.images, after.bad_images) == (6, ())
    assert after.pixel_digest == read_manifest(intact).pixel_digest
    assert verify(tmp_path / "q", open_source(images)) == []


def test_without_skip_bad_a_folder_with_gaps_is_incomplete_again(
    images: Path, tmp_path: Path
) -> None:
    truncate(images, 3)
    out = tmp_path / "q"
    build_mini(images, out, skip_bad=True)
    with pytest.raises(BuildStopped, match=r"for want of the photographs named above \(1\)"):
        build_mini(images, out)
    assert not (out / MANIFEST_NAME).exists()
    with pytest.raises(FileNotFoundError, match="INCOMPLETE"):
        load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert build_mini(images, out, skip_bad=True).images == 5


@pytest.mark.parametrize("options", [{}, {"format_name": "webdataset"}, {"only": ["jpeg-2"]}])
def test_a_dataset_that_lost_its_plan_is_left_alone(
    images: Path, intact: Path, tmp_path: Path, options: dict[str, object]
) -> None:
    out = tmp_path / "q"
    shutil.copytree(intact, out)
    (out / ".build" / "plan.json").unlink()
    before = bytes_of(out)
    with pytest.raises(FolderError, match=r"q is a dataset without the \.build folder"):
        build_mini(images, out, **options)
    assert bytes_of(out) == before


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", "\0\xff"])
def test_a_damaged_plan_is_one_line_with_a_cure(
    images: Path, intact: Path, tmp_path: Path, text: str
) -> None:
    out = tmp_path / "q"
    shutil.copytree(intact, out)
    (out / ".build" / "plan.json").write_text(text, encoding="latin-1")
    before = bytes_of(out)
    with pytest.raises(
        FolderError, match=r"plan\.json: damaged .*; remove .*q and build"
    ) as caught:
        build_mini(images, out)
    assert "\n" not in str(caught.value)
    assert bytes_of(out) == before


def test_a_foreign_file_beside_the_state_of_a_build_is_respected(
    images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    (out / ".build").mkdir(parents=True)
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(FolderError, match="q holds other files; give an empty or a new folder"):
        build_mini(images, out)
    assert (out / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("leftover", [".build/lock", ".build/.tmp-1-plan.json"])
def test_a_build_killed_before_its_plan_goes_on(
    images: Path, intact: Path, tmp_path: Path, leftover: str
) -> None:
    out = tmp_path / "q"
    (out / ".build").mkdir(parents=True)
    (out / leftover).touch()
    assert build_mini(images, out).pixel_digest == read_manifest(intact).pixel_digest


def test_a_build_killed_right_after_its_plan_gets_its_placeholder(
    images: Path, intact: Path, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    (out / ".build").mkdir(parents=True)
    shutil.copy(intact / ".build" / "plan.json", out / ".build")
    truncate(images, 3)
    with pytest.raises(BuildStopped, match="photographs named above"):
        build_mini(images, out)
    with pytest.raises(FileNotFoundError, match="INCOMPLETE"):
        load_dataset(str(out), cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "change", ["another id", "one fewer", "another path", "other pixels", "no digest"]
)
def test_a_record_of_other_images_is_not_trusted(
    images: Path, intact: Path, tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "q"
    shutil.copytree(intact, out)
    expected = bytes_of(out)
    written = (out / SHARD).stat().st_mtime_ns
    path = out / record_path(0)
    record = json.loads(path.read_text())["record"]
    if change == "another id":
        record["originals"][2]["image_id"] = "ILSVRC2012_val_00049999"
    elif change == "one fewer":
        record["originals"].pop()
    elif change == "another path":
        record["shards"]["clean"]["path"] = SHARD
    elif change == "other pixels":
        record["shards"]["clean"]["pixels"][2] = "0" * 64
    if change == "no digest":
        path.write_text(json.dumps(record))
    else:
        # With a digest of its own.
        write_record(open_folder(out), UnitRecord.model_validate_json(json.dumps(record)))
    build_mini(images, out)
    told = {
        "no digest": "00000.json: damaged or of another version: sha256: Field required; its im",
        "other pixels": "00000.json: contradicts the shards that it is of; its images are",
    }
    assert told.get(change, "") in capsys.readouterr().err
    assert (out / SHARD).stat().st_mtime_ns > written
    assert bytes_of(out) == expected


def job_of(images: Path, out: Path, *, skip_bad: bool) -> BuildJob:
    """What a worker gets: a plan, made of the images as they are now."""
    source: Source = open_source(images)
    plan = make_plan(
        source,
        select_images(source, "mini", allow_short=False),
        format_name="parquet",
        variants=select_variants(ONLY),
        advance=lambda _: None,
    )
    return BuildJob(open_folder(out), source, plan, skip_bad)


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("change", ["another image", "damaged", "gone", "mended"])
def test_an_image_that_changes_during_the_build_stops_it(
    images: Path, tmp_path: Path, change: str, *, skip_bad: bool
) -> None:
    first, second = sorted(images.rglob("*.JPEG"))[:2]
    good = first.read_bytes()
    if change == "mended":
        first.unlink()
        first.symlink_to(tmp_path / "nowhere")
    job = job_of(images, tmp_path / "q", skip_bad=skip_bad)
    first.unlink()
    if change != "gone":
        first.write_bytes(
            {"another image": second.read_bytes(), "damaged": good[:400], "mended": good}[change]
        )
    (unit,) = job.plan.units()
    reporter = SharedReporter(multiprocessing.get_context("spawn"))
    said = "could be read when the build began, but not now; see" if change == "gone" else "changed"
    changed = f"^{first.parent.name}/{first.name}: {said}"
    with pytest.raises(BuildStopped, match=changed):
        complete_unit(job, unit, reporter)
    assert not (tmp_path / "q" / record_path(0)).exists()
    assert not [path for path in (tmp_path / "q").rglob("*") if path.is_file()]


def test_an_unchanged_unit_is_completed_in_this_process_too(images: Path, tmp_path: Path) -> None:
    job = job_of(images, tmp_path / "q", skip_bad=False)
    (unit,) = job.plan.units()
    record = complete_unit(job, unit, SharedReporter(multiprocessing.get_context("spawn")))
    assert isinstance(record, UnitRecord)
    assert len(record.originals) == 6
    assert record.shards["clean"].pixels == tuple(o.pixel_sha256 for o in record.originals)


def peak_of_workers(process: "subprocess.Popen[str]") -> int:
    """The largest resident set that a worker process ever had, in bytes."""
    parent = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        try:
            for child in parent.children():
                if "spawn_main" in " ".join(child.cmdline()):
                    peak = max(peak, child.memory_info().rss)
        except psutil.Error:
            continue
        time.sleep(0.05)
    return peak


@pytest.mark.slow
def test_large_photographs_do_not_take_all_memory(tmp_path: Path, start: Start) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (1000, 1500, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.jpg", "JPEG", quality=90)
    for wnid in classes.wnids()[: ROW_GROUP + 1]:
        path = tmp_path / "images" / wnid / f"{wnid}_1.JPEG"
        path.parent.mkdir(parents=True)
        path.hardlink_to(tmp_path / "large.jpg")
    out = tmp_path / "q"
    process = start(
        *(tmp_path / "images", "--out", out, "--subset", "mini"),
        *("--only", "clean,noise-40,noise-100", "--workers", "1"),
    )
    peak = peak_of_workers(process)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    # With all rows of a group held at once it is 1.0 GB; so it is half of that.
    assert 0.1e9 < peak < 0.75e9
    for variant in ("clean", "noise-40"):
        (shard,) = (out / "data" / variant).iterdir()
        metadata = pq.read_metadata(shard)
        groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert sum(groups) == ROW_GROUP + 1
        assert max(groups) < ROW_GROUP
    assert verify(out) == []
    shutil.rmtree(out)
