"""The cache of prepared inputs: the same inputs again, without a picture being decoded."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from cache_rows import (
    CPU,
    CROP,
    ONLY,
    ROOMY,
    SMALL,
    Rows,
    entries,
    require_same,
    rows,
    undecodable,
)
from exactness import PREPROCESSINGS
from imagenetq.builder import open_source
from imagenetq.errors import UsageError
from imagenetq.evaluate import CleanSource, OpaquePreprocessing, Settings, load_model, open_data
from imagenetq.evaluate import evaluate as run_evaluation
from imagenetq.evaluate.data.base import Data, Task
from imagenetq.evaluate.inputs.cache import Store
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.specification import select_variants
from imagenetq.torch.engine import TENSORS


@pytest.fixture
def clean(images: Path, tmp_path: Path) -> Data:
    return CleanSource(
        open_source(images), originals=tmp_path / "originals", subset="mini", allow_short=True
    )


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


def test_two_evaluations_fill_one_cache_at_once(
    folder: Path, tmp_path: Path, expected: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch by batch in turn, with one process number, as in two containers."""
    tasks = open_data(folder).tasks(select_variants(ONLY))
    with ExitStack() as both:
        streams: list[Iterator[object]] = [
            both.enter_context(
                InputPipeline(CPU, 48, 0, cache=Store(tmp_path / "c", ROOMY)).batches(
                    tasks, SMALL[:1]
                )
            )
            for _ in range(2)
        ]
        for _ in zip(*streams, strict=True):
            pass
    undecodable(monkeypatch)
    require_same(rows(open_data(folder), Store(tmp_path / "c", ROOMY), n=1), expected)
    assert not list((tmp_path / "c").rglob(".tmp-*"))


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
    assert list((tmp_path / "c").rglob("*.crops"))


def test_tasks_without_a_hash_are_not_cached() -> None:
    class Unknown(Task):
        key, n_samples = "unknown", 0

        def samples(self):  # type: ignore[no-untyped-def]
            return iter(())

    assert Unknown().fingerprint() is None
