"""The leaderboard's commands as a user meets them: evaluate, submit, check, and find the cheat."""

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_entries import change_json, honest, replace_predictions
from imagenetq.manifest import read_manifest
from imagenetq.predictions import Predictions, read_predictions

SAID = ["--link", "https://example.org/", "--training-data", "nothing"]
TINY = ("--model", "python/tiny_models:tiny")

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(
    make_source: Callable[..., Path], call: Run, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A dataset `q`, results of two models on it, and their entries. Not to be changed."""
    pytest.importorskip("torch")
    root = tmp_path_factory.mktemp("leaderboard")
    images = make_source(root / "images", 8)
    models = ("--model", "baseline/nearest", *TINY)
    steps = [
        ("build", images, "--subset", "mini", "--out", "q", "--workers", 1),
        ("eval", *models, "--data", "q", "--workers", 1),
        ("submit", "results/baseline-nearest", "--data", "q", "--name", "Nearest", *SAID),
        ("submit", "results/python-tiny_models-tiny", "--name", "Tiny", *SAID, "--json"),
    ]
    for step in steps:
        ended = call(*step, cwd=root)
        assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["entry"] == "leaderboard/entries/tiny"
    return root


@pytest.fixture
def entries(folder: Path, tmp_path: Path) -> Path:
    """A copy of the entries, to be tampered with."""
    subprocess.run(["cp", "-r", folder / "leaderboard" / "entries", tmp_path], check=True)
    return tmp_path / "entries"


def test_two_models_are_evaluated_submitted_and_pass(folder, call):
    checked = call("leaderboard", "check", "--data", "q", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    lines = checked.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["WARN  nearest", "WARN  tiny"]
    assert "FAIL" not in checked.stdout
    assert "is not registered" in checked.stdout
    told = json.loads(call("leaderboard", "check", "--json", cwd=folder).stdout)
    assert told["ok"] is True
    assert [(entry["name"], entry["status"]) for entry in told["entries"]] == [
        ("nearest", "WARN"),
        ("tiny", "WARN"),
    ]


def test_one_changed_count_fails_and_says_where(entries, call):
    def add(data: dict[str, Any]) -> None:
        data["variants"]["blur-3"]["correct_top5"] += 1

    change_json(entries / "tiny" / "entry.json", add)
    checked = call("leaderboard", "check", entries)
    assert checked.returncode == 1
    assert "FAIL: entry.json: variants.blur-3.correct_top5 is " in checked.stdout
    assert checked.stderr.endswith("1 of 2 entries fail\n")


@pytest.mark.parametrize("admit", [False, True])
def test_one_changed_prediction_fails_and_says_where(entries, call, admit):
    answers = read_predictions(entries / "tiny" / "predictions.parquet")
    kept = {name: getattr(answers, name).copy() for name in ("top5_class", "true_rank")}
    row = (3, answers.variants.index("jpeg-10"))
    rank = answers.true_rank[row]
    label = answers.labels[3]
    others = [value for value in range(1000) if value != label][:4]
    kept["top5_class"][row] = [*others, 999] if rank <= 5 else [label, *others]
    kept["true_rank"][row] = 900 if rank <= 5 else 1
    true = answers.true_probability.copy()
    true[row] = 0 if rank <= 5 else answers.top5_probability[row][0]
    names = Predictions.__dataclass_fields__
    changed = {name: getattr(answers, name) for name in names} | kept | {"true_probability": true}
    replace_predictions(entries / "tiny", Predictions(**changed), admit=admit)
    checked = call("leaderboard", "check", entries / "tiny")
    assert checked.returncode == 1
    expected = "entry.json: variants.jpeg-10.correct_top" if admit else "predictions.parquet: its"
    assert f"FAIL: {expected}" in checked.stdout


def test_a_checked_entry_is_run_again(folder, call):
    again = ("leaderboard", "check", "leaderboard/entries/tiny", "--rerun", 5)
    ended = call(*again, "--data", "q", "--seed", 7, *TINY, cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "tiny: 5 of 416 answers run again, --seed 7" in ended.stderr
    rendered = ("--source", "images", "--subset", "mini")
    ended = call(*again, *rendered, "--seed", 7, *TINY, cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "tiny: 5 of 416 answers run again, --seed 7" in ended.stderr
    for arguments, message in (
        (again, "--rerun needs --data or --source"),
        ((*again, "--data", "q", *rendered), "give --data or --source, not both"),
        (("leaderboard", "check", "--rerun", 5, "--data", "q"), "one entry at a time"),
    ):
        ended = call(*arguments, cwd=folder)
        assert ended.returncode == 2
        assert message in ended.stderr.splitlines()[-1]


def test_an_entry_is_not_run_again_on_other_images(folder, call, make_source, tmp_path):
    other = make_source(tmp_path / "other", 7)
    ended = call("leaderboard", "check", "leaderboard/entries/tiny", "--rerun", 416, *TINY,
                "--source", other, "--subset", "mini", cwd=folder)  # fmt: skip
    assert ended.returncode == 1
    assert "they are not those of the entry" in ended.stderr.splitlines()[-1]


def test_a_source_is_registered_once_it_is_verified(folder, call, tmp_path):
    registered = call("leaderboard", "register", "q", "--out", tmp_path, cwd=folder)
    assert registered.returncode == 0, registered.stderr
    digest = read_manifest(folder / "q").source_digest
    assert registered.stdout.strip() == str(tmp_path / f"{digest}.parquet")
    subprocess.run(["cp", "-r", folder / "q", tmp_path], check=True)
    next((tmp_path / "q" / "data" / "jpeg-10").iterdir()).write_bytes(b"")
    refused = call("leaderboard", "register", tmp_path / "q", "--out", tmp_path / "none")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].endswith("so it was not registered")
    assert not (tmp_path / "none").exists()


@pytest.fixture
def result(tmp_path: Path) -> Path:
    honest(3).write(tmp_path / "result")
    return tmp_path / "result"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "only you know --name, --link, --training-data: give them, or run it on a"),
        (["--name", "a"], 2, "only you know --link, --training-data: give them"),
        (
            [*SAID, "--name", "a" * 101],
            2,
            "aaa..' cannot be taken; give 1 to 100 char",
        ),
        ([*SAID, "--name", "a", "--paper", "<script>"], 2, "--paper: "),
        ([*SAID, "--name", "a", "--folder", "../a"], 2, "--folder '../a': use lower-case"),
        ([*SAID, "--name", "a", "--out", "b", "--to", "org/c"], 2, "give --out or --to"),
        ([*SAID, "--name", "a", "--data", "none"], 2, "none: no such folder"),
    ],
    ids=range(7),
)
def test_what_is_missing_or_wrong_is_one_line(call, result, tmp_path, arguments, status, message):
    ended = call("submit", result, *arguments, cwd=tmp_path)
    assert ended.returncode == status
    assert message in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_on_a_terminal_the_submitter_is_asked(executable, result, tmp_path):
    controller, terminal = pty.openpty()
    os.write(
        controller, b"???\nMade up\nexample.org\nhttps://example.org/\nnothing\n\nfor a test\n"
    )
    ended = subprocess.run(
        [executable, "submit", result], stdin=terminal, capture_output=True, text=True,
        check=False, cwd=tmp_path, env=os.environ | {"FORCE_COLOR": "1"},
    )  # fmt: skip
    os.close(terminal)
    os.close(controller)
    assert ended.returncode == 0, ended.stderr
    assert "recomputing" in ended.stderr
    assert "'???' makes no folder's name" in ended.stderr
    assert "'example.org' cannot be taken; give a link that begins with https://" in ended.stderr
    assert "What it was trained on:" in ended.stderr
    path = tmp_path / ended.stdout.strip() / "submission.json"
    assert json.loads(path.read_text()) == {
        "format_version": 1,
        "name": "Made up",
        "link": "https://example.org/",
        "paper": None,
        "training_data": "nothing",
        "notes": "for a test",
        "predictions": None,
    }


def test_a_folder_that_is_not_there_is_one_line(call, tmp_path):
    for arguments in (["leaderboard", "check"], ["submit", "none", "--name", "a", *SAID]):
        ended = call(*arguments, cwd=tmp_path)
        assert ended.returncode == 1
        (line,) = ended.stderr.splitlines()
        assert line.startswith("imagenetq: ")
        assert "cannot be read (No such file or directory)" in line
