"""The report's answers to further questions: consistency, classes, risk, stability."""

import json

import numpy as np
import pytest

from fake_entries import honest
from fake_predictions import ALL, columns, result, run
from imagenetq.errors import EntryError, UsageError
from imagenetq.evaluate.report import (
    class_falls,
    error_consistency,
    ranking_stability,
    report_writer,
)
from imagenetq.evaluate.report.risk_curves import risk_figure
from imagenetq.evaluate.results import Result
from imagenetq.evaluate.results.names import known_names
from imagenetq.evaluate.results.other_scores import OtherScores
from imagenetq.evaluate.results.per_class import class_scores
from imagenetq.evaluate.results.stability import stability
from imagenetq.predictions import Predictions
from imagenetq.specification import LADDERS


def named(name: str, held: Result) -> Result:
    model = held.entry.model.model_copy(update={"name": name})
    return Result(held.entry.model_copy(update={"model": model}), held.predictions)


@pytest.fixture(scope="module")
def three() -> list[Result]:
    return [named(f"timm/net_{seed}", honest(40, seed)) for seed in range(3)]


def test_all_pairs_are_in_the_table_the_figure_and_the_matrix(three):
    table = error_consistency.consistency_table(three)
    assert [(pair.first[-1], pair.second[-1]) for pair in table.pairs] == [
        ("0", "1"),
        ("0", "2"),
        ("1", "2"),
    ]
    figure = error_consistency.consistency_figure(table)
    panels = {axes.get_title(): axes for axes in figure.axes}
    blur = panels["Blur"].lines[0]
    held = table.pairs[0].consistency
    drawn = dict(zip(blur.get_xdata(), blur.get_ydata(), strict=True))
    assert drawn[0] == held.variants["clean"].value
    assert drawn[3] == held.variants["blur-3"].value
    (matrix,) = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert matrix[0, 2] == table.pairs[1].consistency.mean.value
    assert matrix[2, 0] == table.pairs[1].consistency.variants["clean"].value
    text = error_consistency.to_markdown(table)
    assert f"| timm/net\\_0 | timm/net\\_1 | {held.variants['clean'].value:.2f}" in text


def test_of_two_networks_there_is_no_matrix_and_of_one_nothing(three):
    table = error_consistency.consistency_table(three[:2])
    figure = error_consistency.consistency_figure(table, columns=1)
    assert not any(axes.images for axes in figure.axes)
    with pytest.raises(EntryError, match="is between networks; give two results"):
        error_consistency.consistency_table(three[:1])


def test_networks_of_other_images_have_no_matrix(three):
    with pytest.raises(EntryError, match="of different photographs"):
        error_consistency.consistency_table([three[0], named("timm/other", honest(41))])


def test_classes_are_shown_with_their_significance():
    labels = np.repeat(np.arange(20), 10)
    rank = np.ones((200, len(ALL)), int)
    rank[labels == 4, ALL.index("blur-1") : ALL.index("blur-9") + 1] = 2
    held = class_scores(Predictions.from_columns(columns(rank, labels=labels)))
    figure = class_falls.classes_figure(held)
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert len(panels) == 2 * len(LADDERS)
    first, second = panels["Blur: first to fall"].patches[:2]
    assert (first.get_width(), second.get_width()) == (0, 100)
    assert first.get_facecolor() != second.get_facecolor()
    texts = [text.get_text() for text in panels["Blur: taken for"].texts]
    assert texts == ["10 of 10"]
    text = class_falls.to_markdown(held)
    assert "2 are more than chance" in text
    # Class 4 is the hammerhead, and class 5 the electric ray.
    assert "| hammerhead | electric ray | 10 of 10 | 0.0 |" in text
    assert "| hammerhead | 10 | 0 |" in text


def test_one_photograph_a_class_tells_nothing(three):
    text = class_falls.to_markdown(class_scores(three[0].predictions))
    assert "None of them is more than chance." in text
    clean = Predictions.from_columns(columns(np.ones((3, 1), int), ("clean",)))
    with pytest.raises(EntryError, match="need clean, all levels of a distortion"):
        class_falls.classes_figure(class_scores(clean))


def test_risk_ends_at_the_share_of_wrong_answers(three):
    predictions = three[0].predictions
    figure = risk_figure(predictions)
    panels = {axes.get_title(): axes for axes in figure.axes}
    wrong = 100 * (1 - predictions.correct(1).mean(axis=0))
    lines = panels["JPEG"].lines
    ends = [line.get_ydata()[-1] for line in lines]
    names = [f"jpeg-{quality}" for quality in range(20, 0, -2)] + ["clean"]
    assert ends == pytest.approx([wrong[ALL.index(name)] for name in names])
    clean = Predictions.from_columns(columns(np.ones((3, 1), int), ("clean",)))
    with pytest.raises(EntryError, match="no level of a distortion"):
        risk_figure(clean)


def test_stability_is_told_in_tables(three):
    names = [held.entry.model.name for held in three]
    found = stability(names, [held.predictions for held in three], {"mCE": [1.0, 2.0, 4.0]})
    figure = ranking_stability.stability_figure(found)
    (ranks,) = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert ranks.shape == (3, 3)
    assert ranks.sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    text = ranking_stability.to_markdown(found)
    assert "2,000 draws of 40 classes" in text
    assert "| mCE | clean top-1 | 3 |" in text
    few = ranking_stability.to_markdown(stability(names[:2], [h.predictions for h in three[:2]]))
    assert "2 networks are too few for a correlation" in few


def test_a_report_has_all_of_it_and_says_what_is_left_out(three, tmp_path):
    figures = ["consistency", "classes", "risk", "stability"]
    scores = tmp_path / "others.csv"
    scores.write_text("network,mCE\ntimm/net_0,70\ntimm/net_1,60\ntimm/net_2,65\n")
    others = OtherScores.read(scores)
    report = report_writer.write_report(
        [three[0], named("timm/twin", three[1])], tmp_path / "r", figures=figures, others=others
    )
    names = {path.name for path in report.files}
    stems = ["classes-timm-net_0", "classes-timm-twin", "risk-timm-twin", "consistency"]
    assert {f"{stem}.{kind}" for stem in stems for kind in ("png", "pdf", "json")} <= names
    page = (tmp_path / "r" / "report.md").read_text()
    assert all(f"]({name})" in page for name in names - {"report.md"})
    told = json.loads((tmp_path / "r" / "stability.json").read_text())
    correlation = next(one for one in told["correlations"] if one["first"] == "mCE")
    assert correlation["n_networks"] == 1
    risk = json.loads((tmp_path / "r" / "risk-timm-twin.json").read_text())
    assert set(risk) == set(ALL)
    with pytest.raises(UsageError, match="consistency: is between networks; give two results"):
        report_writer.write_report(three[:1], tmp_path / "one", figures=["consistency"])
    with pytest.raises(UsageError, match="has no row of 'timm/other'"):
        report_writer.write_report(
            [named("timm/other", three[0])], tmp_path / "none", figures=["2"], others=others
        )
    assert not (tmp_path / "none").exists()


def test_what_some_results_do_not_allow_is_left_out(tmp_path):
    clean = Result.of(run(), Predictions.from_columns(columns(np.ones((3, 1), int), ("clean",))))
    report = report_writer.write_report([clean], tmp_path)
    left_out = "\n".join(report.left_out)
    for piece in ("consistency: ", "classes: ", "risk: ", "stability: "):
        assert f"\n{piece}" in left_out


def test_a_name_that_several_networks_share_is_nobodys():
    one, other = result(4), named("timm/other", result(4, seed=1))
    assert known_names([one, one, other])[2] == ["timm/other", "timm/other"]
    assert all(len(names) == 1 for names in known_names([one, one, other])[:2])
