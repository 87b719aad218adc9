"""A result's folder: written whole, read only if its two files belong together."""

import json

import pyarrow.parquet as pq
import pytest

from fake_predictions import ALL, random_predictions, result, run
from imagenetq.errors import EntryError, PredictionsError
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import compute_scores
from imagenetq.files import sha256_of
from imagenetq.predictions import write_predictions


def test_written_and_read_it_is_the_same(tmp_path):
    made = result()
    made.write(tmp_path / "timm" / "made_up")
    folder = tmp_path / "timm" / "made_up"
    assert sorted(p.name for p in folder.iterdir()) == ["entry.json", "predictions.parquet"]
    read = Result.read(str(folder))
    assert read.entry == made.entry
    assert read.scores == made.scores == made.entry.scores
    assert read.contradictions() == []
    assert read.entry.predictions_sha256 == sha256_of(folder / "predictions.parquet")


def test_the_same_result_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        result().write(tmp_path / name)
    for name in ("entry.json", "predictions.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_another_result_is_kept_until_one_insists(tmp_path):
    result(4).write(tmp_path)
    result(4).write(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(EntryError, match="holds another result; give another folder, or overwrite"):
        result(5).write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    result(5).write(tmp_path, overwrite=True)
    assert Result.read(tmp_path).entry == result(5).entry


def test_the_entry_counts_what_the_predictions_hold():
    made = result(30)
    correct = made.predictions.correct(1)
    for i, name in enumerate(ALL):
        counts = made.entry.variants[name]
        assert counts.total == made.entry.n_images == 30
        assert counts.correct_top1 == correct[:, i].sum()
        assert counts.correct_top5 == made.predictions.correct(5)[:, i].sum()


def test_predictions_of_another_run_are_refused(tmp_path):
    result(seed=1).write(tmp_path)
    write_predictions(tmp_path / "predictions.parquet", random_predictions(30, seed=2))
    with pytest.raises(PredictionsError, match="not the predictions of this entry"):
        Result.read(tmp_path)


def test_any_changed_byte_is_refused(tmp_path):
    result(4).write(tmp_path)
    path = tmp_path / "predictions.parquet"
    data = path.read_bytes()
    for place in range(0, len(data), 97):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(PredictionsError):
            Result.read(tmp_path)


@pytest.mark.parametrize("missing", ["entry.json", "predictions.parquet"])
def test_half_a_result_is_refused(tmp_path, missing):
    result(4).write(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(EntryError, match=f"{missing}: cannot be read"):
        Result.read(tmp_path)


def test_a_result_whose_file_another_library_wrote_can_be_written_again(tmp_path):
    made = result(4)
    path = tmp_path / "predictions.parquet"
    pq.write_table(made.predictions.table(), path)
    entry = made.entry.model_copy(update={"predictions_sha256": sha256_of(path)})
    (tmp_path / "entry.json").write_text(entry.to_json())
    Result.read(tmp_path).write(tmp_path / "again")
    assert Result.read(tmp_path / "again").entry == made.entry != entry


def test_an_entry_that_flatters_is_found_out(tmp_path):
    result().write(tmp_path)
    path = tmp_path / "entry.json"
    honest = json.loads(path.read_text())
    better = json.loads(path.read_text())
    better["scores"]["score"]["value"] += 0.1
    path.write_text(json.dumps(better))
    read = Result.read(tmp_path)
    assert read.contradictions() == ["entry.json: scores is not what the predictions give"]
    assert read.scores.score.value == honest["scores"]["score"]["value"]
    better = honest | {"n_images": 31}
    for counts in better["variants"].values():
        counts["total"] = 31
    path.write_text(json.dumps(better))
    assert Result.read(tmp_path).contradictions() == [
        "entry.json: n_images is not what the predictions give",
        "entry.json: variants is not what the predictions give",
    ]


def test_to_pandas():
    made = result()
    frame = made.to_pandas()
    assert frame["variant"].tolist() == list(ALL)
    jpeg = frame.set_index("variant").loc["jpeg-10"]
    assert (jpeg["distortion"], jpeg["level"]) == ("jpeg", 6)
    assert (jpeg["parameter"], jpeg["value"]) == ("quality", 10.0)
    scores = made.scores.variants["jpeg-10"]
    assert (jpeg["top1"], jpeg["top1_low"]) == (scores.top1.value, scores.top1.low)
    assert (jpeg["top5"], jpeg["top5_high"]) == (scores.top5.value, scores.top5.high)
    assert jpeg["true_confidence"] == scores.true_confidence.value
    assert jpeg["calibration_error"] == scores.calibration_error
    assert frame["value"].isna().tolist() == [name == "clean" for name in ALL]


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    made = Result.of(
        run(model=run().model.model_copy(update={"name": "a $name_"})), random_predictions(30)
    )
    figure = made.plot()
    assert figure.get_suptitle() == "a $name_"
    assert len(figure.axes) == 5
    frame = made.to_pandas().set_index("variant")["top1"]
    clean = frame["clean"]
    for panel, starts_clean in zip(figure.axes, (True, True, True, False, False), strict=True):
        lines = {line.get_label(): line for line in panel.get_lines()}
        assert (lines["top-1"].get_ydata()[0] == clean) == starts_clean
        start, end = panel.get_xlim()
        values = lines["top-1"].get_xdata()
        # Mild is left: each panel begins outside its first value and ends outside its last.
        assert abs(start - values[0]) < abs(start - values[-1])
        assert abs(end - values[-1]) < abs(end - values[0])
    blur = figure.axes[0].get_lines()[1]
    assert blur.get_xdata().tolist() == list(range(10))
    expected = [clean, *(frame[f"blur-{s}"] for s in range(1, 10))]
    assert blur.get_ydata().tolist() == expected
    contrast = figure.axes[2].get_lines()[1]
    assert contrast.get_xdata().tolist() == [k / 10 for k in range(10, -1, -1)]
    figure.savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_a_plot_of_some_variants_leaves_the_rest_out():
    pytest.importorskip("matplotlib")
    figure = result(5, ("blur-3", "jpeg-10")).plot()
    lengths = [len(panel.get_lines()[0].get_xdata()) for panel in figure.axes]
    assert lengths == [1, 0, 0, 1, 0]


def test_scores_are_computed_once(monkeypatch):
    made = result(4)
    first = made.scores
    monkeypatch.setattr("imagenetq.evaluate.results.result.compute_scores", None)
    assert made.scores is first
    assert compute_scores(made.predictions) == first
