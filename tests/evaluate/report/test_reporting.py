"""The command `imagenetq report` as a user meets it."""

import json
import shutil
from pathlib import Path

import pytest

from fake_predictions import result

SUPPORT = Path(__file__).parents[2] / "support"
TINY = "python/tiny_models:tiny"


def test_a_report_from_the_command_line(run, folders, tmp_path):
    ended = run(
        *("report", *folders, "--out", tmp_path / "r", "--source", "sample", "--model", TINY),
        *("--image", "chelsea", "--layer", "1", "--columns", "1", "--json"),
        *("--figure", "table1", "--figure", "4", "--figure", "stability"),
        cwd=SUPPORT,
    )
    assert ended.returncode == 0, ended.stderr
    listed = json.loads(ended.stdout)
    assert all(Path(file).is_file() for file in listed["files"])
    names = [Path(file).name for file in listed["files"]]
    assert names[0] == "report.md"
    assert {"figure4-python-tiny_models-tiny.pdf", "stability.json"} <= set(names)
    assert listed["left_out"][0].startswith("table 1: the layers of baseline/nearest")


@pytest.mark.usefixtures("few_kinds")
def test_networks_are_called_as_labels_say(call, folders, tmp_path):
    labels = ("--label", "Tiny", "--label", "Nearest (grey)")
    ended = call("report", *folders, *labels, "--figure", "findings", "--out", tmp_path / "r")
    assert ended.returncode == 0, ended.stderr
    told = (tmp_path / "r" / "report.md").read_text(encoding="utf-8")
    assert "Nearest (grey)" in told
    assert "baseline/nearest" not in told
    few = call("report", *folders, "--label", "Tiny", "--out", tmp_path / "r")
    assert few.returncode == 2
    assert "--label is given 1 time for 2 results; give one for each" in few.stderr


@pytest.mark.usefixtures("few_kinds")
def test_lines_say_what_was_left_out(call, folders, tmp_path):
    ended = call("report", folders[0], "--out", tmp_path / "r")
    assert ended.returncode == 0, ended.stderr
    assert str(tmp_path / "r" / "figure2.pdf") in ended.stdout.splitlines()
    notes = [line for line in ended.stderr.splitlines() if line.startswith("left out: ")]
    assert any("figure 1: shows a photograph; give --source" in line for line in notes)
    assert any("table 1: the layers of" in line for line in notes)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "no entries; name results folders"),
        (["nowhere"], 1, "nowhere/entry.json: cannot be read"),
        (["ENTRY", "--figure", "4"], 2, "figure 4: shows a photograph; give --source"),
        (["ENTRY", "--source", "sample", "--figure", "4"], 2, "figure 4: shows a network's filter"),
        (["ENTRY", "--source", "sample", "--data", "q"], 2, "give --source or --data, not both"),
        (["ENTRY", "--source", "nowhere"], 2, "no such file or folder"),
        (["ENTRY", "--data", "nowhere"], 2, "nowhere: no such folder"),
        (["ENTRY", "--source", "sample", "--image", "chelse"], 2, "did you mean chelsea"),
        (["ENTRY", "--model", "timm/vgg16"], 2, "no entry is of model 'timm/vgg16'"),
        (["ENTRY", "--layer", "0"], 2, "layers without a network; say with --model"),
        (["ENTRY", "--weights", "w"], 2, "say with --model whose they are"),
        (["ENTRY", "--model", TINY, "--weights", "w"], 1, "w: no such file"),
        (["ENTRY", "--scores", "none.csv"], 2, "none.csv: cannot be read"),
        (["ENTRY", "--figure", "consistency"], 2, "is between networks; give two results or more"),
        (["ENTRY", "--out", "/proc/r"], 1, "/proc/r"),
        (["ENTRY", "OTHER"], 1, "cannot be compared: they are of different spec"),
        (["DAMAGED"], 1, "predictions.parquet"),
        (
            ["ENTRY", "--source", "sample", "--model", TINY, "--layer", "7"],
            2,
            f"{TINY} has no layer '7'; did you mean 0",
        ),
    ],
)
def test_errors_are_one_line_with_the_right_status(
    call, folders, tmp_path, arguments, status, message
):
    result(5).write(tmp_path / "other")
    shutil.copytree(folders[0], tmp_path / "damaged")
    path = tmp_path / "damaged" / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-99])
    known = {"ENTRY": folders[0], "OTHER": tmp_path / "other", "DAMAGED": tmp_path / "damaged"}
    words = [known.get(word, word) for word in arguments]
    if "--out" not in words:
        words += ["--out", tmp_path / "r"]
    ended = call("report", *words, cwd=SUPPORT)
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("imagenetq: ")]
    assert message in line
    assert ended.stdout == ""
    assert not (tmp_path / "r").exists()
