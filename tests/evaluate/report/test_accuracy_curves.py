"""Figure 2 shows the entries' numbers, no others."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fake_predictions import result
from imagenetq.errors import EntryError
from imagenetq.evaluate.report.accuracy_curves import figure2
from imagenetq.evaluate.report.style import line_style
from imagenetq.evaluate.results.paper_curves import SOURCE, paper_curves
from imagenetq.specification import LADDERS


def panels(figure, columns=2):
    grid = np.array(figure.axes).reshape((2, 5) if columns == 2 else (5, 2))
    return grid if columns == 2 else grid.T


@pytest.mark.parametrize("columns", [1, 2])
def test_lines_are_the_scores_and_bands_their_intervals(results, columns):
    grid = panels(figure2(results, columns=columns), columns)
    for metric, row in zip(("top1", "top5"), grid, strict=True):
        for ladder, panel in zip(LADDERS, row, strict=True):
            assert len(panel.get_lines()) == len(panel.collections) == len(results)
            for place, held in enumerate(results):
                scores = held.scores.variants
                names = [f"{ladder.distortion}-{value}" for value in ladder.values]
                values = list(map(float, ladder.values))
                if ladder.distortion in ("blur", "noise"):
                    names, values = ["clean", *names], [0.0, *values]
                line = panel.get_lines()[place]
                shares = [getattr(scores[name], metric) for name in names]
                assert line.get_xdata().tolist() == values
                assert line.get_ydata().tolist() == [100 * share.value for share in shares]
                assert line.get_marker() == line_style(place)["marker"]
                drawn = {tuple(p) for p in panel.collections[place].get_paths()[0].vertices}
                for value, share in zip(values, shares, strict=True):
                    assert {(value, 100 * share.low), (value, 100 * share.high)} <= drawn


def test_mild_is_left_and_axes_name_parameter_and_unit(results):
    grid = panels(figure2(results))
    for ladder, panel in zip(LADDERS, grid[1], strict=True):
        left, right = panel.get_xlim()
        assert (left < right) == (ladder.values[0] < ladder.values[-1])
    assert [panel.get_title() for panel in grid[0]] == [
        "Blur",
        "Noise",
        "Contrast",
        "JPEG",
        "JPEG 2000",
    ]
    assert [panel.get_xlabel() for panel in grid[1]] == [
        "sigma (pixels)",
        "sigma (grey levels)",
        "factor",
        "quality",
        "target PSNR (dB)",
    ]
    assert grid[0][0].get_ylabel() == "top-1 accuracy (%)"


@pytest.mark.parametrize("columns", [1, 2])
def test_the_paper_lies_beneath(results, columns):
    figure = figure2(results, paper=True, columns=columns)
    blur = panels(figure, columns)[0][0]
    assert len(blur.get_lines()) == 4 + len(results)
    theirs = [
        curve for curve in paper_curves() if (curve.distortion, curve.metric) == ("blur", "top1")
    ]
    for line, curve in zip(blur.get_lines(), theirs, strict=False):
        assert line.get_xdata().tolist() == list(curve.values)
        assert line.get_ydata().tolist() == [100 * share for share in curve.accuracy]
        assert line.get_zorder() < blur.get_lines()[-1].get_zorder()
    ours, paper = figure.legends
    assert [text.get_text() for text in ours.get_texts()] == [
        "python/tiny_models:tiny",
        "baseline/nearest",
    ]
    assert paper.get_title().get_text() == SOURCE


@pytest.mark.parametrize("columns", [1, 2])
def test_nothing_overlaps_with_many_networks(columns):
    made = [result(5, seed=seed) for seed in range(9)]
    figure = figure2(made, paper=True, columns=columns)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    lowest = min(panel.get_tightbbox(renderer).y0 for panel in figure.axes)
    ours, paper = (legend.get_window_extent(renderer) for legend in figure.legends)
    assert lowest >= ours.y1 - 1
    assert ours.y0 >= paper.y1 - 1
    assert paper.y0 >= -1


def test_what_was_not_evaluated_is_left_out():
    grid = panels(figure2([result(5, ("clean", "blur-3"))]))
    assert [len(panel.get_lines()) for panel in grid[0]] == [1, 1, 1, 0, 0]
    assert grid[0][0].get_lines()[0].get_xdata().tolist() == [0, 3]


def test_other_data_do_not_come_into_one_figure():
    with pytest.raises(EntryError, match="different subsets"):
        figure2([result(5), result(5, subset="mini")])
