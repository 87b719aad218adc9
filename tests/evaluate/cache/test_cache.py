"""The cache of prepared inputs: the same inputs again, without a picture being decoded."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS
from imagenetq.builder import build, open_source
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate import CleanSource, OpaquePreprocessing, Settings, load_model, open_data
from imagenetq.evaluate import evaluate as run_evaluation
from imagenetq.evaluate.cache import Store
from imagenetq.evaluate.data.base import Data, Task
from imagenetq.evaluate.feeding import Feeding
from imagenetq.evaluate.rendering.engine import TENSORS
from imagenetq.specification import select_variants

CPU = torch.device("cpu")
ONLY = ["clean", "contrast-0.3", "jpeg-10", "jpeg2000-24"]
ROOMY = 10**9

Rows = dict[tuple[str, str], list[object]]


@pytest.fixture(scope="module")
def images(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """130 small photographs: two shards of a variant."""
    return make_source(tmp_path_factory.mktemp("cache") / "images", 130)


@pytest.fixture(scope="module")
def folder(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("cache") / "q"
    build(open_source(images), built, subset="mini", only=ONLY, workers=1, allow_short=True)
    return built


@pytest.fixture
def clean(images: Path, tmp_path: Path) -> Data:
    return CleanSource(
        open_source(images), originals=tmp_path / "originals", subset="mini", allow_short=True
    )


def rows(data: Data, store: Store | None, n: int = 2, engine: object = None) -> Rows:
    """Every sample's note and inputs, by image and variant."""
    feeding = Feeding(CPU, 48, workers=0, engine=engine, cache=store)  # type: ignore[arg-type]
    tasks = data.tasks(select_variants(ONLY))
    found: Rows = {}
    finished: dict[str, int] = {}
    with feeding.batches(tasks, PREPROCESSINGS[:n]) as stream:
        for batch in stream:
            assert len(batch.notes) <= 48
            finished |= dict(batch.finished)
            for row, note in enumerate(batch.notes):
                assert (note.image_id, note.variant) not in found
                inputs = [tensor[row].numpy().copy() for tensor in batch.inputs]
                found[note.image_id, note.variant] = [note, *inputs]
    assert finished == {task.key: task.n_samples for task in tasks}
    return found


def require_same(found: Rows, expected: Rows) -> None:
    assert found.keys() == expected.keys()
    assert len(found) == 130 * len(ONLY)
    for name, (note, *inputs) in found.items():
        assert note == expected[name][0]
        for given, wanted in zip(inputs, expected[name][1:], strict=True):
            np.testing.assert_array_equal(given, wanted)


def undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on decoding a picture fails the test."""

    def fail(*_: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr("imagenetq.evaluate.data.source.decode", fail)
    monkeypatch.setattr("imagenetq.evaluate.data.reading.decode", fail)


def test_stored_images_are_decoded_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = rows(open_data(folder), None)
    require_same(rows(open_data(folder), Store(tmp_path / "c", ROOMY)), expected)
    undecodable(monkeypatch)
    require_same(rows(open_data(folder), Store(tmp_path / "c", ROOMY)), expected)


@pytest.mark.parametrize("engine", [None, TENSORS])
def test_rendered_images_are_rendered_once(
    clean: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: object
) -> None:
    expected = rows(clean, None)
    require_same(rows(clean, Store(tmp_path / "c", ROOMY), engine=engine), expected)
    undecodable(monkeypatch)
    require_same(rows(clean, Store(tmp_path / "c", ROOMY)), expected)


def test_entries_of_different_runs_are_put_together(folder: Path, tmp_path: Path) -> None:
    """One preprocessing filled from stored images, in another order than the other's."""
    store = Store(tmp_path / "c", ROOMY)
    rows(open_data(folder), store, n=1)
    again = rows(open_data(folder), store)
    require_same(again, rows(open_data(folder), None))
    for path in sorted((tmp_path / "c").rglob("*.npy"))[:1]:
        path.unlink()
    require_same(rows(open_data(folder), store), again)


def test_another_original_is_another_entry(images: Path, tmp_path: Path) -> None:
    copy = tmp_path / "images"
    shutil.copytree(images, copy)
    data = CleanSource(open_source(copy), originals=tmp_path / "o", subset="mini", allow_short=True)
    before = fingerprints(data)
    changed = sorted(copy.rglob("*.JPEG"))[7]
    shutil.copy(sorted(copy.rglob("*.JPEG"))[8], changed)
    assert len(set(before) ^ set(fingerprints(data))) == 2


def fingerprints(data: Data) -> list[str | None]:
    return [task.fingerprint() for task in data.tasks(select_variants(ONLY))]


def test_names_depend_on_the_preprocessing(tmp_path: Path) -> None:
    store = Store(tmp_path, ROOMY)
    names = {store.key("samples", one) for one in PREPROCESSINGS}
    assert len(names) == len(PREPROCESSINGS)
    assert store.key("others", PREPROCESSINGS[0]) not in names
    assert store.key(None, PREPROCESSINGS[0]) is None
    assert store.key("samples", OpaquePreprocessing(print)) is None
    assert store.key("samples", replace(PREPROCESSINGS[0], crop=None)) is None


def test_a_small_cache_keeps_what_was_used_last(folder: Path, tmp_path: Path) -> None:
    crop = 224 * 224 * 3
    expected = rows(open_data(folder), None, n=1)
    store = Store(tmp_path / "c", 150 * crop)
    require_same(rows(open_data(folder), store, n=1), expected)
    used = sum(path.stat().st_size for path in (tmp_path / "c").rglob("*.npy"))
    assert 0 < used <= 150 * crop + 1000
    require_same(rows(open_data(folder), store, n=1), expected)


def test_a_cache_smaller_than_an_entry_is_left_empty(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(open_data(folder), Store(tmp_path / "c", 1000), n=1)
    assert list((tmp_path / "c").rglob("*.npy")) == []
    assert capsys.readouterr().err.count("not filled any further") == 1


def test_a_full_disk_only_ends_the_filling(
    folder: Path, small_disk: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    disk = small_disk(20 * 2**20)
    found = rows(open_data(folder), Store(disk / "c", ROOMY), n=1)
    require_same(found, rows(open_data(folder), None, n=1))
    assert "not filled any further (No space left on device)" in capsys.readouterr().err
    assert not [path for path in disk.rglob(".tmp-*") if path.is_file()]


def test_a_damaged_crop_is_found_and_removed(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "c", ROOMY)
    rows(open_data(folder), store, n=1)
    path = max((tmp_path / "c").rglob("*.npy"))
    crops = np.load(path, mmap_mode="r+")
    crops[0, 0, 0, 0] ^= 1
    crops.flush()
    with pytest.raises(FolderError, match="damaged, and removed; the same command computes it"):
        rows(open_data(folder), store, n=1)
    require_same(rows(open_data(folder), store, n=1), rows(open_data(folder), None, n=1))


@pytest.mark.parametrize("damage", ["cut", "empty", "notes", "no notes"])
def test_a_damaged_entry_counts_as_none(folder: Path, tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path / "c", ROOMY)
    rows(open_data(folder), store, n=1)
    path = max((tmp_path / "c").rglob("*.npy"))
    notes = path.with_suffix(".json")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "notes":
        notes.write_text(notes.read_text()[:-9])
    else:
        notes.unlink()
    require_same(rows(open_data(folder), store, n=1), rows(open_data(folder), None, n=1))


def test_a_folder_that_cannot_be_a_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be a cache"):
        Store(tmp_path / "file", ROOMY)


def test_what_a_killed_process_left_is_removed_in_time(folder: Path, tmp_path: Path) -> None:
    import os

    leftover = tmp_path / "c" / "aa" / ".tmp-1-x.npy"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"x" * 1000)
    os.utime(leftover, (0, 0))
    store = Store(tmp_path / "c", 150 * 224 * 224 * 3)
    rows(open_data(folder), store, n=1)
    assert not leftover.exists()


def test_a_second_model_reads_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model("baseline/nearest")
    settings = Settings(cache=tmp_path / "c", batch_size=32)
    (first,) = run_evaluation([model], open_data(folder), tmp_path / "one", settings)
    undecodable(monkeypatch)
    again = load_model("baseline/nearest")
    (second,) = run_evaluation([again], open_data(folder), tmp_path / "two", settings)
    assert first.entry.predictions_sha256 == second.entry.predictions_sha256


def test_the_command_keeps_a_cache(
    call: Callable[..., object], folder: Path, tmp_path: Path
) -> None:
    for out in ("one", "two"):
        ended = call(
            "eval", "--model", "baseline/nearest", "--data", folder, "--out", tmp_path / out,
            "--cache", tmp_path / "c", "--cache-size", "1", "--workers", "1", "--device", "cpu",
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr  # type: ignore[attr-defined]
    one, two = (
        (tmp_path / out / "baseline-nearest" / "predictions.parquet").read_bytes()
        for out in ("one", "two")
    )
    assert one == two
    assert list((tmp_path / "c").rglob("*.npy"))


def test_tasks_without_a_hash_are_not_cached() -> None:
    class Unknown(Task):
        key, n_samples = "unknown", 0

        def samples(self):  # type: ignore[no-untyped-def]
            return iter(())

    assert Unknown().fingerprint() is None
