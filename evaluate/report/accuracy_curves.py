"""Draw Figure 2: accuracy against level, one panel per distortion, for any number of networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagenetq.evaluate.report import style
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, network_names
from imagenetq.evaluate.results.paper_curves import SOURCE, Metric, paper_curves, paper_networks
from imagenetq.evaluate.results.plot import accuracies, draw_curve, points, run_from_mild_to_strong
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METRICS: dict[Metric, str] = {"top1": "top-1 accuracy (%)", "top5": "top-5 accuracy (%)"}
_BAND = 0.36
"""Total opacity of the bands, divided among them so that many can overlap and still be seen."""
_ROW = 1.45
_LEGEND_LINE = 0.125
_PAPER_PER_LINE: dict[style.Columns, int] = {1: 2, 2: 4}
_TICKS: dict[str, tuple[float, ...]] = {
    "blur": (0, 3, 6, 9),
    "noise": (0, 50, 100),
    "contrast": (1, 0.5, 0),
    "jpeg": (20, 14, 8, 2),
    "jpeg2000": (40, 30, 20),
}
_PAPER_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (4, 1, 1, 1)), (0, (1, 1)))
_PAPER_MARKERS = ("o", "s", "^", "D")


@style.paper_style()
def figure2(
    results: Sequence[Result], *, paper: bool = False, columns: style.Columns = 2
) -> "Figure":
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
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    distortions, metrics = len(LADDERS), len(_METRICS)
    rows, across = (metrics, distortions) if columns == 2 else (distortions, metrics)
    names = network_names(results)
    legend = _legend_height(len(names), columns, paper=paper)
    height = rows * _ROW + legend + 0.1
    figure = style.new_figure(style.WIDTHS[columns], height)
    grid = figure.subplots(rows, across, squeeze=False)
    panels = grid if columns == 2 else grid.T
    band = _BAND / max(2, len(results))
    for metric, row in zip(_METRICS, panels, strict=True):
        for ladder, panel in zip(LADDERS, row, strict=True):
            for printed in paper_curves() if paper else ():
                if (printed.distortion, printed.metric) == (ladder.distortion, metric):
                    shares = [100 * share for share in printed.accuracy]
                    panel.plot(printed.values, shares, **_paper_look(printed.network), zorder=2)
            for number, result in enumerate(results):
                curve = points(ladder, accuracies(result.scores, metric))
                look = style.line_style(number) | {"zorder": 3 + number / 100}
                if curve:
                    draw_curve(panel, curve, band=band, scale=100, **look)
            set_level_axis(panel, ladder)
            # Beyond 0 and 100, so that markers there are not cut off.
            panel.set_ylim(-3, 103)
            panel.set_yticks(range(0, 101, 20))
            style.draw_grid(panel)
    _label(panels, columns)
    figure.align_labels()
    _draw_legends(figure, names, columns, top=legend, paper=paper)
    figure.tight_layout(pad=0.3, w_pad=0.6, h_pad=0.8, rect=(0, legend / height, 1, 1))
    return figure


def _paper_look(network: str) -> dict[str, Any]:
    number = paper_networks().index(network)
    return {
        "color": style.GREY,
        "linestyle": _PAPER_DASHES[number],
        "marker": _PAPER_MARKERS[number],
        "markerfacecolor": "white",
        "markersize": 2,
        "markeredgewidth": 0.4,
        "linewidth": 0.6,
    }


def set_level_axis(panel: Any, ladder: Ladder) -> None:
    """Set a panel's axis from mild on the left to strong on the right.

    It begins at the clean image where the distortion has a parameter for it.
    """
    run_from_mild_to_strong(panel, ladder)
    panel.set_xticks(_TICKS[ladder.distortion])


def _label(panels: Any, columns: style.Columns) -> None:
    for ladder, (top1, top5) in zip(LADDERS, zip(*panels, strict=True), strict=True):
        title, parameter = TITLES[ladder.distortion], PARAMETERS[ladder.distortion]
        if columns == 2:
            top1.set_title(title)
            top1.tick_params(labelbottom=False, labelleft=ladder is LADDERS[0])
            top5.set_xlabel(parameter)
            top5.tick_params(labelleft=ladder is LADDERS[0])
        else:
            top1.set_xlabel(f"{title}: {parameter}")
            top5.set_xlabel(f"{title}: {parameter}")
            top5.tick_params(labelleft=False)
    for words, (first, *_) in zip(_METRICS.values(), panels, strict=True):
        if columns == 2:
            first.set_ylabel(words)
        else:
            first.set_title(words)


def _legend_height(n_networks: int, columns: style.Columns, *, paper: bool) -> float:
    """Compute the height of both legends in inches."""
    lines = style.legend_lines(n_networks, columns)
    if paper:
        lines += 1 + len(paper_networks()) // _PAPER_PER_LINE[columns]
    return lines * _LEGEND_LINE + (0.1 if paper else 0.04)


def _draw_legends(
    figure: "Figure", names: Sequence[str], columns: style.Columns, *, top: float, paper: bool
) -> None:
    from matplotlib.lines import Line2D

    style.draw_legend(
        figure,
        names,
        [style.line_style(number) for number in range(len(names))],
        columns,
        handle=0.45,
        loc="upper center",
        bbox_to_anchor=(0.5, top / figure.get_figheight()),
    )
    if paper:
        networks = paper_networks()
        figure.legend(
            [Line2D([], [], **_paper_look(network)) for network in networks],
            networks,
            loc="lower center",
            bbox_to_anchor=(0.5, 0),
            ncols=_PAPER_PER_LINE[columns],
            title=SOURCE,
            title_fontsize=6.5,
            **style.LEGEND,
        )
