"""What the maintainers' checks run on a pull request, with everything that may be in one."""

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_entries import change_json, honest, submission, write_entry
from hostile_parquet import parquet_bomb
from imagenetq import classes
from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.checks.check import check
from imagenetq.evaluate.leaderboard.checks.findings import Verdict
from imagenetq.evaluate.results.registered_sources import KnownSource
from imagenetq.files import sha256_of
from imagenetq.predictions import schema

N = 6


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    """A folder with one honest entry."""
    write_entry(tmp_path / "entries" / "honest", honest(N))
    return tmp_path / "entries"


def texts(verdict: Verdict) -> list[str]:
    return [finding.text for finding in verdict.findings]


def put_predictions(folder: Path, write: Callable[[Path], object]) -> None:
    """Other predictions, with their own SHA-256 in the entry."""
    path = folder / "predictions.parquet"
    write(path)
    change_json(folder / "entry.json", lambda data: data.update(predictions_sha256=sha256_of(path)))


def test_an_honest_entry_is_a_demonstration_and_nothing_worse(entries):
    (verdict,) = check(entries)
    assert (verdict.name, verdict.status) == ("honest", "WARN")
    assert texts(verdict) == [
        "not ranked: a demonstration: its source (cccccccccccc) is not registered"
    ]
    assert check(entries / "honest") == [verdict]


def test_one_bad_entry_does_not_hide_the_others(entries):
    shutil.copytree(entries / "honest", entries / "bad")
    (entries / "bad" / "entry.json").write_text("{")
    (entries / "stray.txt").write_text("")
    (entries / "a\x1b[31m").mkdir()
    verdicts = check(entries)
    assert [(verdict.name, verdict.status) for verdict in verdicts] == [
        ("'a\\x1b[31m'", "FAIL"),
        ("bad", "FAIL"),
        ("honest", "WARN"),
        ("stray.txt", "FAIL"),
    ]
    assert texts(verdicts[1])[0].startswith("entry.json: damaged")
    assert texts(verdicts[3]) == ["no folder; an entry is a folder with entry.json"]


def test_the_same_answers_twice_are_noticed(entries):
    shutil.copytree(entries / "honest", entries / "copy")
    write_entry(entries / "other", honest(N, seed=1))
    said = {verdict.name: texts(verdict) for verdict in check(entries)}
    assert "gives the same answers as honest: is it another model?" in said["copy"]
    assert "gives the same answers as copy: is it another model?" in said["honest"]
    assert len(said["other"]) == 1


def test_images_and_labels_of_a_dataset_at_hand_are_compared(entries):
    given = honest(N).predictions
    true = dict(zip(given.image_ids, (classes.wnids()[i] for i in given.labels), strict=True))
    assert check(entries, source=KnownSource("c" * 64, true))[0].status == "WARN"
    wrong = true | {given.image_ids[2]: classes.wnids()[999]}
    (verdict,) = check(entries, source=KnownSource("c" * 64, wrong))
    assert verdict.status == "FAIL"
    assert "photograph 'ILSVRC2012_val_00000002' is of another class" in texts(verdict)[0]
    # Another source says nothing about this entry.
    assert check(entries, source=KnownSource("d" * 64, wrong))[0].status == "WARN"


def test_markup_stays_what_was_said(entries):
    told = submission(name="<script>alert(1)</script>", notes="{{ 7 * 7 }} $(id)")
    write_entry(entries / "honest", honest(N), told)
    assert check(entries)[0].status == "WARN"


def test_predictions_for_images_that_do_not_exist_fail(entries):
    table = honest(N).predictions.table()
    ids = [name.replace("val", "test") for name in table["image_id"].to_pylist()]
    renamed = table.set_column(0, schema().field("image_id"), pa.array(ids))
    put_predictions(entries / "honest", lambda path: pq.write_table(renamed, path))
    given = honest(N).predictions
    source = KnownSource("c" * 64, dict.fromkeys(given.image_ids, classes.wnids()[0]))
    (verdict,) = check(entries, source=source)
    assert verdict.status == "FAIL"
    assert "more photographs are not in the dataset" in " ".join(texts(verdict))


def test_a_large_file_is_refused_unread(entries):
    path = entries / "honest" / "predictions.parquet"
    with path.open("r+b") as file:
        file.truncate(64 * 2**20 + 1)
    (verdict,) = check(entries)
    assert "67108865 bytes is too large; at most 67108864 are read" in texts(verdict)[0]


@pytest.mark.parametrize("name", ["entry.json", "submission.json"])
def test_two_gigabytes_of_json_are_refused_unread(entries, name):
    with (entries / "honest" / name).open("r+b") as file:
        file.truncate(2 * 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (verdict,) = check(entries)
    assert "2147483648 bytes is too large" in texts(verdict)[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("parameters", "1" + "0" * 400, "model.parameters: Input should be less than"),
        ("parameters", "-5", "model.parameters: Input should be greater than"),
        ("parameters", "NaN", "NaN is no number"),
        ("arguments", '{"a": 1e400}', "model.arguments: Value error, holds a number that is not f"),
        ("arguments", f'{{"a": {"9" * 4200}}}', "holds a number that is too large"),
        ("arguments", f'{{"a": {"[" * 180}{"]" * 180}}}', "too deep or too large"),
        ("arguments", json.dumps(dict.fromkeys(map(str, range(50_000)))), "too deep or too large"),
        ("preprocessing", '{"mean": -1e999}', "holds a number that is not finite"),
    ],
    ids=range(8),
)
def test_huge_numbers_and_structures_are_refused_in_one_line(entries, field, value, message):
    path = entries / "honest" / "entry.json"
    text = path.read_text()
    place = text.index(f'"{field}": ') + len(f'"{field}": ')
    _, length = json.JSONDecoder().raw_decode(text[place:])
    path.write_text(text[:place] + value + text[place + length :])
    (verdict,) = check(entries)
    (said,) = texts(verdict)
    assert verdict.status == "FAIL"
    assert message in said
    assert said.isprintable()
    assert len(said) < 500


def test_too_many_rows_are_refused_from_the_footer(entries):
    def write(path: Path) -> None:
        zeros = pa.table({"a": pa.repeat(0, 520_001)})
        pq.write_table(zeros, path)

    put_predictions(entries / "honest", write)
    (verdict,) = check(entries)
    assert "520001 rows, but the full subset has 520000" in texts(verdict)[0]


def test_a_parquet_bomb_whose_footer_lies_takes_no_memory_of_ours(entries):
    """A quarter of a gigabyte of one text, in a file that says it unpacks to a few bytes."""

    bomb = parquet_bomb(honest(N).predictions.table())
    put_predictions(entries / "honest", lambda path: path.write_bytes(bomb))
    assert (entries / "honest" / "predictions.parquet").stat().st_size < 2**20
    (verdict,) = check(entries)
    assert texts(verdict)[0] == ("predictions.parquet: takes too much memory to be read")


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(EntryError, match="cannot be read"):
        check(tmp_path / "none")
