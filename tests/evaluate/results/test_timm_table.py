"""The table of many results: timm's columns, by timm's own arithmetic."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from fake_predictions import random_columns, result, run
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.timm_table import TableRow, _crop_pct, timm_table
from imagenetq.predictions import Predictions

ENTRIES = Path(__file__).parents[3] / "leaderboard" / "entries"
TIMM = "model,top1,top1_err,top5,top5_err,param_count,img_size,crop_pct,interpolation,"


def row(name: str, top1: float, clean: float) -> TableRow:
    preprocessing = {"resize": 248, "crop": [224, 224], "interpolation": "bicubic"}
    facts = {"parameters": 1_013_010_000, "input_size": (224, 224), "preprocessing": preprocessing}
    model = run().model.model_copy(update=facts)
    return TableRow(name, top1, top1 + 5, clean, clean + 2, model)


def test_columns_and_form_are_those_of_timm() -> None:
    rows = [row("worst", 40.0, 80.0), row("best", 60.0, 70.0), row("same", 50.0, 75.0)]
    header, first, second, third = timm_table(rows).splitlines()
    assert header == TIMM + "top1_diff,top5_diff,rank_diff"
    assert first == (
        'best,60.000,40.000,65.000,35.000,"1,013.01",224,0.900,bicubic,-10.000,-7.000,+2'
    )
    assert (second.split(",")[-1], third.split(",")[-1]) == ("0", "-2")
    read = pd.read_csv(io.StringIO(timm_table(rows)), thousands=",")
    assert read["param_count"].tolist() == [1013.01] * 3


@pytest.mark.parametrize(
    ("crop", "stated"),
    # As timm states them of its own models.
    [
        (224, 0.875),
        (224, 0.9),
        (224, 0.95),
        (224, 0.965),
        (380, 0.922),
        (456, 0.934),
        (600, 0.949),
        (475, 0.936),
        (288, 1.0),
        (256, 0.94),
        (512, 1.15),
    ],
)
def test_the_crop_is_stated_as_timm_states_it(crop: int, stated: float) -> None:
    resize = int(crop / stated)
    assert _crop_pct({"resize": [resize, resize], "crop": [crop, crop]}) == stated
    assert _crop_pct({"resize": resize, "crop": [crop, crop]}) == stated


@pytest.mark.parametrize("resize", [None, 0, [], [256, "x"], {"a": 1}, -3, True, 2.5])
def test_a_strange_resize_states_no_crop(resize: object) -> None:
    assert _crop_pct({"resize": resize, "crop": [224, 224]}) is None
    assert _crop_pct({"resize": 256, "crop": resize}) is None


def test_numbers_are_those_of_the_result() -> None:
    evaluated = result(12)
    found = TableRow.of(evaluated)
    assert found is not None
    assert found.top1 == pytest.approx(100 * evaluated.scores.score.value)
    frame = evaluated.to_pandas().set_index("variant")
    scored = frame[(frame.distortion != "clean")]
    scored = scored[~scored.index.isin(["contrast-1.0", "contrast-0.0"])]
    assert found.top5 == pytest.approx(100 * scored.groupby("distortion").top5.mean().mean())
    assert found.clean_top1 == 100 * frame.top1["clean"]
    few = Result.of(run(), Predictions.from_columns(random_columns(4, ("clean", "blur-3"))))
    assert TableRow.of(few) is None


def test_the_command_tabulates_a_folder(call, tmp_path: Path) -> None:
    made = call("results", ENTRIES, "--csv", tmp_path / "results-imagenet-q.csv")
    assert made.returncode == 0, made.stderr
    assert "A demonstration on 200 photographs" in made.stderr
    text = (tmp_path / "results-imagenet-q.csv").read_text()
    assert [line["model"] for line in csv.DictReader(io.StringIO(text))] == [
        *("tf_efficientnet_lite1", "tf_efficientnet_lite2", "tf_efficientnet_lite0"),
        *("mobilenetv2_100", "torchvision/squeezenet1_0"),
    ]
    assert call("results", ENTRIES).stdout == text


def test_what_does_not_belong_together_is_refused(call, tmp_path: Path) -> None:
    nothing = call("results", tmp_path)
    assert (nothing.returncode, "no results in it" in nothing.stderr) == (2, True)
    result(12).write(tmp_path / "a")
    result(11).write(tmp_path / "b")
    mixed = call("results", tmp_path)
    assert (mixed.returncode, "cannot be compared" in mixed.stderr) == (1, True)


def test_two_results_of_one_model_are_told_apart(call, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        result(12).write(tmp_path / folder)
    names = [
        line["model"] for line in csv.DictReader(io.StringIO(call("results", tmp_path).stdout))
    ]
    assert names == ["one", "two"]
