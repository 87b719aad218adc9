"""Draw Figure 2: accuracy against level, one panel per distortion, for any number of networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagenetq.entry_scores import Proportion, VariantScores
from imagenetq.evaluate.report.style import (
    GREY,
    WIDTHS,
    Columns,
    drawable,
    fitted,
    line_style,
    new_figure,
    paper_style,
)
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, network_names
from imagenetq.evaluate.results.paper_curves import SOURCE, Metric, paper_curves, paper_networks
from imagenetq.evaluate.results.plot import points
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METRICS: dict[Metric, str] = {"top1": "top-1 accuracy (%)", "top5": "top-5 accuracy (%)"}
_BAND = 0.36
"""Total opacity of the bands, divided among them so that many can overlap and still be seen."""
_ROW = 1.45
_LEGEND_LINE = 0.125
_PER_LINE: dict[Columns, int] = {1: 1, 2: 3}
_PAPER_PER_LINE: dict[Columns, int] = {1: 2, 2: 4}
_TICKS: dict[str, tuple[float, ...]] = {
    "blur": (0, 3, 6, 9),
    "noise": (0, 50, 100),
    "contrast": (1, 0.5, 0),
    "jpeg": (20, 14, 8, 2),
    "jpeg2000": (40, 30, 20),
}
_PAPER_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (4, 1, 1, 1)), (0, (1, 1)))
_PAPER_MARKERS = ("o", "s", "^", "D")


@paper_style()
def figure2(results: Sequence[Result], *, paper: bool = False, columns: Columns = 2) -> "Figure":
    """Draw top-1 and top-5 accuracy of each network at each level, after the paper's Fig. 2.

    Each panel runs from mild on the left to strong on the right, as in the paper. The clean image
    is the first point of blur and noise (parameter 0) and of contrast (factor 1); the codecs have
    no setting that leaves an image as it is. Bands are 95 % Wilson intervals. Levels that were not
    evaluated are left out.

    Args:
        results: results on one dataset; each gives a line.
        paper: whether to draw the paper's four networks beneath, in grey.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        UsageError: there are no results.
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    distortions, metrics = len(LADDERS), len(_METRICS)
    rows, across = (metrics, distortions) if columns == 2 else (distortions, metrics)
    names = network_names(results)
    legend = _legend_height(len(names), columns, paper=paper)
    height = rows * _ROW + legend + 0.1
    figure = new_figure(WIDTHS[columns], height)
    grid = figure.subplots(rows, across, squeeze=False)
    panels = grid if columns == 2 else grid.T
    band = _BAND / max(2, len(results))
    for metric, row in zip(_METRICS, panels, strict=True):
        for ladder, panel in zip(LADDERS, row, strict=True):
            if paper:
                _draw_paper(panel, ladder, metric)
            for place, result in enumerate(results):
                _draw(panel, ladder, result, metric, place, band)
            _set_axes(panel, ladder)
    _label(panels, columns)
    figure.align_labels()
    _draw_legends(figure, names, columns, paper=paper)
    figure.tight_layout(pad=0.3, w_pad=0.6, h_pad=0.8, rect=(0, legend / height, 1, 1))
    return figure


def _draw(
    panel: Any, ladder: Ladder, result: Result, metric: Metric, place: int, band: float
) -> None:
    curve = points(ladder, result.scores)
    if not curve:
        return
    style = line_style(place)
    values = [value for value, _ in curve]
    shares = [_share(scores, metric) for _, scores in curve]
    panel.plot(values, [100 * share.value for share in shares], **style, zorder=3 + place / 100)
    low, high = [100 * share.low for share in shares], [100 * share.high for share in shares]
    panel.fill_between(values, low, high, color=style["color"], alpha=band, linewidth=0)


def _draw_paper(panel: Any, ladder: Ladder, metric: Metric) -> None:
    for curve in paper_curves():
        if (curve.distortion, curve.metric) == (ladder.distortion, metric):
            style = _paper_style_of(curve.network)
            panel.plot(curve.values, [100 * share for share in curve.accuracy], **style, zorder=2)


def _paper_style_of(network: str) -> dict[str, Any]:
    place = paper_networks().index(network)
    return {
        "color": GREY,
        "linestyle": _PAPER_DASHES[place],
        "marker": _PAPER_MARKERS[place],
        "markerfacecolor": "white",
        "markersize": 2,
        "markeredgewidth": 0.4,
        "linewidth": 0.6,
    }


def set_level_axis(panel: Any, ladder: Ladder) -> None:
    """Set a panel's axis from mild on the left to strong on the right.

    It begins at the clean image where the distortion has a parameter for it.
    """
    mild, strong = UNDISTORTED.get(ladder.distortion, ladder.values[0]), ladder.values[-1]
    margin = 0.04 * (strong - mild)
    panel.set_xlim(mild - margin, strong + margin)
    panel.set_xticks(_TICKS[ladder.distortion])


def _set_axes(panel: Any, ladder: Ladder) -> None:
    set_level_axis(panel, ladder)
    # Beyond 0 and 100, so that markers there are not cut off.
    panel.set_ylim(-3, 103)
    panel.set_yticks(range(0, 101, 20))
    panel.grid(color="0.9", linewidth=0.5)
    panel.set_axisbelow(True)


def _label(panels: Any, columns: Columns) -> None:
    for place, ladder in enumerate(LADDERS):
        for metric, row in zip(_METRICS, panels, strict=True):
            panel = row[place]
            is_first = metric == "top1"
            if columns == 2:
                if is_first:
                    panel.set_title(TITLES[ladder.distortion])
                    panel.tick_params(labelbottom=False)
                else:
                    panel.set_xlabel(PARAMETERS[ladder.distortion])
                if place == 0:
                    panel.set_ylabel(_METRICS[metric])
                else:
                    panel.tick_params(labelleft=False)
            else:
                if place == 0:
                    panel.set_title(_METRICS[metric])
                panel.set_xlabel(f"{TITLES[ladder.distortion]}: {PARAMETERS[ladder.distortion]}")
                panel.tick_params(labelleft=is_first)


def _legend_height(n_networks: int, columns: Columns, *, paper: bool) -> float:
    """Compute the height of both legends in inches."""
    lines = -(-n_networks // _PER_LINE[columns])
    if paper:
        lines += 1 + len(paper_networks()) // _PAPER_PER_LINE[columns]
    return lines * _LEGEND_LINE + (0.1 if paper else 0.04)


def _draw_legends(figure: "Figure", names: Sequence[str], columns: Columns, *, paper: bool) -> None:
    from matplotlib.lines import Line2D

    ours = [Line2D([], [], **line_style(place)) for place in range(len(names))]
    top = _legend_height(len(names), columns, paper=paper) / figure.get_figheight()
    room = 72 * (WIDTHS[columns] / min(_PER_LINE[columns], len(names)) - 0.45)
    place: dict[str, Any] = {"borderaxespad": 0, "borderpad": 0.2, "labelspacing": 0.3}
    figure.legend(
        ours,
        [drawable(fitted(name, room, 6.5)) for name in names],
        loc="upper center",
        bbox_to_anchor=(0.5, top),
        ncols=min(_PER_LINE[columns], len(names)),
        **place,
    )
    if paper:
        networks = paper_networks()
        figure.legend(
            [Line2D([], [], **_paper_style_of(network)) for network in networks],
            networks,
            loc="lower center",
            bbox_to_anchor=(0.5, 0),
            ncols=_PAPER_PER_LINE[columns],
            title=SOURCE,
            title_fontsize=6.5,
            **place,
        )


def _share(scores: VariantScores, metric: Metric) -> Proportion:
    return scores.top1 if metric == "top1" else scores.top5
