"""The command `imagenetq score`: without torch, beside the scores, into the entry when asked."""

import json
import subprocess
import sys

import pytest

from fake_predictions import result
from imagenetq.entry import read_entry

_WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "timm", "matplotlib"):
    sys.modules[name] = None
from imagenetq.cli import app
app(sys.argv[1:])
"""


@pytest.fixture
def folder(tmp_path):
    held = result(12)
    held.write(tmp_path / "r")
    pairs = zip(held.predictions.image_ids, held.predictions.labels.tolist(), strict=True)
    labels = {image_id: [label, 7] for image_id, label in list(pairs)[:9]}
    (tmp_path / "real.json").write_text(json.dumps(labels))
    return tmp_path / "r"


def test_scores_are_told_without_torch(folder):
    arguments = ["score", str(folder), "--labels", str(folder.parent / "real.json"), "--json"]
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (told,) = json.loads(ended.stdout)
    assert told["scores"] == json.loads((folder / "entry.json").read_text())["scores"]
    (labels,) = told["other_labels"]
    assert (labels["n_images"], labels["n_unlabelled"]) == (9, 3)
    assert set(told["confidence"]["blur-3"]) == {"negative_log_likelihood", "brier", "risk_area"}
    assert set(told["classes"]["distortions"]) == {"blur", "noise", "contrast", "jpeg", "jpeg2000"}


def test_lines_and_the_entry(call, folder):
    labels = folder.parent / "real.json"
    before = (folder / "entry.json").read_bytes()
    ended = call("score", folder, "--labels", labels)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert "by real.json, 9 photographs; 3 have no label in it:" in lines
    assert any(line.startswith("risk-coverage area, jpeg2000 40..20: ") for line in lines)
    assert (folder / "entry.json").read_bytes() == before
    ended = call("score", folder, "--labels", labels, "--write")
    assert ended.returncode == 0, ended.stderr
    assert [held.name for held in read_entry(folder / "entry.json").other_labels] == ["real.json"]
    told = json.loads(call("score", folder, "--json").stdout)
    assert told[0]["other_labels"][0]["n_images"] == 9


def test_two_results_are_compared_by_other_labels(call, folder):
    result(12, seed=1).write(folder.parent / "s")
    arguments = ["compare", folder, folder.parent / "s", "--labels", folder.parent / "real.json"]
    ended = call(*arguments)
    assert "by real.json, 9 photographs; 3 have no label in it:" in ended.stdout
    told = json.loads(call(*arguments, "--json").stdout)
    assert told["labels"]["n_unlabelled"] == 3
    assert set(told["consistency"]) == {"variants", "distortions", "mean"}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["score", "FOLDER", "--write"], 2, "--write keeps accuracies by other labels; give"),
        (["score", "FOLDER", "--labels", "none.json"], 1, "none.json: cannot be read"),
        (["score", "nowhere"], 1, "nowhere/entry.json: cannot be read"),
        (["compare", "FOLDER", "FOLDER", "--labels", "none.json"], 1, "none.json: cannot be read"),
    ],
)
def test_errors_are_one_line_with_the_right_status(call, folder, arguments, status, message):
    ended = call(*(folder if word == "FOLDER" else word for word in arguments))
    assert ended.returncode == status
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
