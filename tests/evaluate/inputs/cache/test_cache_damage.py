"""The cache is only a cache: whatever is damaged, gone, full or unwritable, the pass goes on."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import faults
from cache_rows import CROP, ROOMY, Rows, entries, require_same, rows
from imagenetq.evaluate import Settings, load_model, open_data
from imagenetq.evaluate import evaluate as run_evaluation
from imagenetq.evaluate.inputs.cache import Store


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

    monkeypatch.setattr("imagenetq.evaluate.inputs.cache.cached_inputs.NewInputs.add", fail)
    require_same(rows(open_data(folder), Store(tmp_path / "c", ROOMY), n=1), expected)
    assert capsys.readouterr().err.count("not filled any further (RuntimeError: a mistake)") == 1


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
