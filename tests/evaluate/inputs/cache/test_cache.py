"""The cache of prepared inputs: the same inputs again, without a picture being decoded."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import faults
from exactness import PREPROCESSINGS
from imagenetq.builder import build, open_source
from imagenetq.errors import UsageError
from imagenetq.evaluate import CleanSource, OpaquePreprocessing, Settings, load_model, open_data
from imagenetq.evaluate import evaluate as run_evaluation
from imagenetq.evaluate.data.base import Data, Task
from imagenetq.evaluate.inputs.cache import Store
from imagenetq.evaluate.inputs.pipeline import Feeding
from imagenetq.evaluate.rendering.engine import TENSORS
from imagenetq.specification import select_variants

CPU = torch.device("cpu")
ONLY = ["clean", "contrast-0.3", "jpeg-10", "jpeg2000-24"]
ROOMY = 10**9
SMALL = [
    replace(PREPROCESSINGS[0], resize=24, crop=(20, 24)),
    replace(PREPROCESSINGS[2], resize=(32, 32)),
]
CROP = 20 * 24 * 3

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


def rows(
    data: Data,
    store: Store | None,
    n: int = 2,
    engine: object = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Rows:
    """Every sample's note and inputs, by image and variant.

    Args:
        meanwhile: what happens once it is known which tasks the cache has.
    """
    feeding = Feeding(CPU, 48, workers=0, engine=engine, cache=store)  # type: ignore[arg-type]
    tasks = data.tasks(select_variants(ONLY))
    found: Rows = {}
    finished: dict[str, int] = {}
    with feeding.batches(tasks, SMALL[:n]) as stream:
        meanwhile()
        for batch in stream:
            assert not finished.keys() & dict(batch.finished)
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

    monkeypatch.setattr("imagenetq.evaluate.data.clean_source.decode", fail)
    monkeypatch.setattr("imagenetq.evaluate.data.rows.decode", fail)


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
    for path in sorted((tmp_path / "c").rglob("*.crops"))[:1]:
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
    expected = rows(open_data(folder), None, n=1)
    store = Store(tmp_path / "c", 150 * CROP)
    require_same(rows(open_data(folder), store, n=1), expected)
    used = sum(path.stat().st_size for path in (tmp_path / "c").rglob("*.crops"))
    assert 0 < used <= 150 * CROP + 30_000
    require_same(rows(open_data(folder), store, n=1), expected)


def test_a_cache_smaller_than_an_entry_is_left_empty(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(open_data(folder), Store(tmp_path / "c", 1000), n=1)
    assert list((tmp_path / "c").rglob("*.crops")) == []
    assert capsys.readouterr().err.count("not filled any further") == 1


def test_a_full_disk_only_ends_the_filling(
    folder: Path,
    expected: Rows,
    small_disk: Callable[[int], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = small_disk(400 * CROP)
    found = rows(open_data(folder), Store(disk / "c", ROOMY), n=1)
    require_same(found, expected)
    assert "not filled any further (No space left on device)" in capsys.readouterr().err
    assert not [path for path in disk.rglob(".tmp-*") if path.is_file()]


@pytest.fixture(scope="module")
def expected(folder: Path) -> Rows:
    """What every pass must give."""
    return rows(open_data(folder), None, n=1)


@pytest.fixture(scope="module")
def filled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of all that `expected` holds. Not to be changed."""
    filled = tmp_path_factory.mktemp("filled") / "c"
    rows(open_data(folder), Store(filled, ROOMY), n=1)
    return filled


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return shutil.copytree(filled, tmp_path / "c")


def entries(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.crops"))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "first crop": (lambda path: faults.flip_bit(path, 1, where=0.0), "crop 0 is not as it was"),
    "a crop": (lambda path: faults.flip_bit(path, 1, where=0.5), r"crop \d+ is not as it was"),
    "notes": (lambda path: faults.flip_bit(path, 1, where=0.99), "its notes are not as they"),
    "end": (lambda path: faults.flip_bit(path, 1, where=1.0), "its notes are not as they"),
    "mark": (lambda path: os.truncate(path, path.stat().st_size - 1), "its end is not as it was"),
    "cut": (lambda path: os.truncate(path, 20), "cut short"),
    "empty": (lambda path: os.truncate(path, 0), "cut short"),
    "more": (lambda path: faults.append(path, 1), "its end is not as it was written"),
    "zeros": (lambda path: path.write_bytes(bytes(path.stat().st_size)), "its end is not as it"),
    "folder": (faults.replace_with_folder, "Is a directory"),
    "another entry": (
        lambda path: faults.replace_with(path, entries(path.parents[1])[1]),
        "the content of another entry",
    ),
}


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_named_and_made_again(
    folder: Path,
    cache: Path,
    expected: Rows,
    capsys: pytest.CaptureFixture[str],
    damage: str,
    moment: str,
) -> None:
    """Also where it is damaged after it was found whole: while it is being read, for a process."""
    path = entries(cache)[0]
    whole = path.read_bytes()
    inflict, message = DAMAGES[damage]
    if moment == "before":
        inflict(path)
        found = rows(open_data(folder), Store(cache, ROOMY), n=1)
    else:
        found = rows(open_data(folder), Store(cache, ROOMY), n=1, meanwhile=lambda: inflict(path))
    require_same(found, expected)
    told = capsys.readouterr().err.splitlines()
    seen_later = damage in ("notes", "end", "mark", "more")  # Only opening reads what lies there.
    if moment == "meanwhile" and seen_later:
        assert told == []
        return
    if moment == "meanwhile" and damage not in ("first crop", "a crop", "folder"):
        message = r"crop \d+ is not as it was"  # That of the thread which was first.
    assert len(told) == 1
    assert re.fullmatch(
        f"{path}: {message}.*; dropped from the cache, and its inputs are made again", told[0]
    )
    assert path.read_bytes() == whole


def test_entries_that_are_removed_while_they_are_needed(
    folder: Path, cache: Path, expected: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by another evaluation that makes room."""

    def remove() -> None:
        for path in entries(cache)[::2]:
            path.unlink()

    found = rows(open_data(folder), Store(cache, ROOMY), n=1, meanwhile=remove)
    require_same(found, expected)
    assert len(entries(cache)) == len(expected) // 65
    assert capsys.readouterr().err == ""


def test_two_evaluations_fill_one_cache_at_once(
    folder: Path, tmp_path: Path, expected: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch by batch in turn, with one process number, as in two containers."""
    tasks = open_data(folder).tasks(select_variants(ONLY))
    with ExitStack() as both:
        streams: list[Iterator[object]] = [
            both.enter_context(
                Feeding(CPU, 48, 0, cache=Store(tmp_path / "c", ROOMY)).batches(tasks, SMALL[:1])
            )
            for _ in range(2)
        ]
        for _ in zip(*streams, strict=True):
            pass
    undecodable(monkeypatch)
    require_same(rows(open_data(folder), Store(tmp_path / "c", ROOMY), n=1), expected)
    assert not list((tmp_path / "c").rglob(".tmp-*"))


def test_a_cache_that_cannot_be_written_is_read(
    folder: Path,
    cache: Path,
    expected: Rows,
    small_disk: Callable[[int], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is damaged there cannot be removed, and is passed over."""
    damaged, missing, *_ = entries(cache)
    faults.flip_bit(damaged, 1, where=0.0)
    missing.unlink()
    disk = small_disk(20 * 2**20)
    shutil.copytree(cache, disk / "c")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    require_same(rows(open_data(folder), Store(disk / "c", ROOMY), n=1), expected)
    told = capsys.readouterr().err
    assert told.count(f"{disk / 'c' / damaged.relative_to(cache)}: crop 0 is not as it was") == 1
    assert "not filled any further (Read-only file system)" in told


def test_whatever_ends_the_filling_the_pass_goes_on(
    folder: Path,
    tmp_path: Path,
    expected: Rows,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("imagenetq.evaluate.inputs.cache.entry.NewEntry.add", fail)
    require_same(rows(open_data(folder), Store(tmp_path / "c", ROOMY), n=1), expected)
    assert capsys.readouterr().err.count("not filled any further (RuntimeError: a mistake)") == 1


def test_the_first_format_goes_first_and_strangers_stay(folder: Path, tmp_path: Path) -> None:
    old = [tmp_path / "c" / "aa" / f"{'a' * 64}{suffix}" for suffix in (".npy", ".json")]
    foreign = tmp_path / "c" / "aa" / "thesis.tex"
    old[0].parent.mkdir(parents=True)
    for path in (*old, foreign):
        path.write_bytes(b"x" * 100 * CROP)
        os.utime(path, (1, 1))
    rows(open_data(folder), Store(tmp_path / "c", 250 * CROP), n=1)
    assert not any(path.exists() for path in old)
    assert foreign.stat().st_size == 100 * CROP
    assert entries(tmp_path / "c")


def test_a_folder_that_cannot_be_a_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be a cache"):
        Store(tmp_path / "file", ROOMY)


def test_what_a_killed_process_left_is_removed_in_time(tmp_path: Path) -> None:
    """Not before: another process, perhaps in another container, may still be writing it."""
    stale, live = (tmp_path / "c" / "aa" / f".tmp-{number}-x.crops" for number in (1, 2))
    stale.parent.mkdir(parents=True)
    for path in (stale, live):
        path.write_bytes(b"x" * 1000)
    os.utime(stale, (0, 0))
    store = Store(tmp_path / "c", 1000)
    assert not stale.exists()
    assert store.new("a" * 64, 1, (8, 8)) is None
    assert live.exists()


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


def test_damage_neither_ends_an_evaluation_nor_changes_it(
    folder: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a cache that other networks fill too, crops, notes and ends are damaged, and it is cut."""
    settings = Settings(cache=cache, batch_size=32)

    def evaluated(out: str) -> str:
        model = load_model("baseline/nearest")
        (result,) = run_evaluation([model], open_data(folder), tmp_path / out, settings)
        return result.entry.predictions_sha256

    expected = evaluated("one")
    paths = entries(cache)
    kinds = (faults.flip_bit, faults.truncate, faults.zero_out, faults.change_digit)
    for seed, path in enumerate(paths):
        kinds[seed % len(kinds)](path, seed)
    capsys.readouterr()
    assert evaluated("two") == expected
    assert capsys.readouterr().err.count("dropped from the cache, and its inputs are made") >= 6
    capsys.readouterr()
    assert evaluated("three") == expected
    assert "dropped" not in capsys.readouterr().err


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
    assert list((tmp_path / "c").rglob("*.crops"))


def test_tasks_without_a_hash_are_not_cached() -> None:
    class Unknown(Task):
        key, n_samples = "unknown", 0

        def samples(self):  # type: ignore[no-untyped-def]
            return iter(())

    assert Unknown().fingerprint() is None
