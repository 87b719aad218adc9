import dataclasses

import pytest

from fake_predictions import result, run
from imagenetq.errors import EntryError
from imagenetq.evaluate import Result
from imagenetq.evaluate.models.weights import Weights
from imagenetq.evaluate.report.conclusions import findings
from imagenetq.evaluate.report.depth_and_robustness import robustness_figure


@pytest.mark.parametrize("columns", [1, 2])
def test_points_are_the_relative_scores(tiny, columns):
    first, second = result(30, seed=1), result(30, seed=2)
    other = second.entry.model.model_copy(update={"name": "timm/other", "parameters": 10**8})
    results = [first, Result.of(run(model=other), second.predictions)]
    entry = first.entry.model
    weights = Weights(entry.weights_sha256, "")
    loaded = dataclasses.replace(tiny, name=entry.name, weights=weights, arguments=entry.arguments)
    found = findings(results, [loaded])
    figure = robustness_figure(found, columns=columns)
    layers, parameters = figure.axes
    assert [container.lines[0].get_xdata().tolist() for container in layers.containers] == [[2]]
    for container, network in zip(parameters.containers, found.networks, strict=True):
        score = network.relative_score
        marker, _, (bar,) = container.lines
        assert marker.get_xdata().tolist() == [network.parameters / 1e6]
        assert marker.get_ydata().tolist() == [100 * score.value]
        ends = bar.get_segments()[0][:, 1]
        assert ends.tolist() == pytest.approx([100 * score.low, 100 * score.high])
    assert layers.get_xlabel() == "layers on the longest path"
    assert parameters.get_xlabel() == "parameters (millions)"
    assert len(figure.legends[0].get_texts()) == 2


def test_without_networks_the_layers_are_left_out():
    layers, parameters = robustness_figure(findings([result(20)])).axes
    assert layers.texts[0].get_text() == "no network loaded"
    assert parameters.get_xscale() == "log"


def test_one_image_has_no_interval():
    figure = robustness_figure(findings([result(1, seed=3)]))
    assert figure.axes


def test_without_a_relative_score_there_is_no_figure():
    with pytest.raises(EntryError, match="no entry has a relative score"):
        robustness_figure(findings([result(20, ("clean", "blur-3"))]))
