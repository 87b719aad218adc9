"""Draw the findings' figure: networks' depth and size against how much accuracy survives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagenetq.errors import EntryError
from imagenetq.evaluate.report.conclusions import Findings, NetworkFindings
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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 1.9
_LINE = 0.15
_PER_LINE: dict[Columns, int] = {1: 1, 2: 3}


@paper_style()
def robustness_figure(found: Findings, *, columns: Columns = 2) -> "Figure":
    """Draw relative scores with their 95 % intervals against layers, and against parameters.

    Args:
        found: what `findings` found. Networks whose layers are not known are shown only in the
            second panel.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        EntryError: no network has a relative score, which needs clean and all scored variants.
    """
    shown = [
        (place, network)
        for place, network in enumerate(found.networks)
        if network.relative_score is not None
    ]
    if not shown:
        raise EntryError(
            "no entry has a relative score, which needs clean and all 49 scored variants"
        )
    lines = -(-len(shown) // _PER_LINE[columns])
    height = _HEIGHT + lines * _LINE
    figure = new_figure(WIDTHS[columns], height)
    layers, parameters = figure.subplots(1, 2, sharey=True)
    deep = [(place, network) for place, network in shown if network.layers is not None]
    _scatter(layers, [(place, network, network.layers) for place, network in deep])
    _scatter(parameters, [(place, network, network.parameters / 1e6) for place, network in shown])
    layers.set_xlabel("layers on the longest path")
    layers.set_ylabel("relative score (%)")
    if deep:
        layers.set_xlim(0, 1.08 * max(network.layers or 0 for _, network in deep) + 1)
    else:
        layers.set_xticks([])
        middle = {"ha": "center", "va": "center", "transform": layers.transAxes}
        layers.text(0.5, 0.5, "no network loaded", color=GREY, **middle)
    _scale_parameters(parameters, [network.parameters / 1e6 for _, network in shown])
    layers.set_ylim(0, _top(shown))
    for panel in (layers, parameters):
        panel.grid(color="0.9", linewidth=0.5)
        panel.set_axisbelow(True)
    parameters.tick_params(labelleft=False)
    _draw_legend(figure, shown, columns)
    figure.tight_layout(pad=0.3, w_pad=1.0, rect=(0, lines * _LINE / height, 1, 1))
    return figure


def _scatter(panel: Any, points: Sequence[tuple[int, NetworkFindings, Any]]) -> None:
    for place, network, value in points:
        score = network.relative_score
        if score is None:
            continue
        centre = 100 * score.value
        error = None
        if score.low is not None and score.high is not None:
            error = [[centre - 100 * score.low], [100 * score.high - centre]]
        style = line_style(place) | {"linestyle": "none"}
        panel.errorbar([value], [centre], yerr=error, **style, elinewidth=0.8, capsize=2)


def _scale_parameters(panel: Any, millions: Sequence[float]) -> None:
    """Make the axis logarithmic, unless a network has no parameters, with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    panel.set_xlabel("parameters (millions)")
    if min(millions) > 0:
        panel.set_xscale("log")
        panel.set_xlim(min(millions) / 2, 2 * max(millions))
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _top(shown: Sequence[tuple[int, NetworkFindings]]) -> float:
    ends = [network.relative_score for _, network in shown]
    return max(100.0, *(103 * (end.high or end.value) for end in ends if end is not None))


def _draw_legend(
    figure: "Figure", shown: Sequence[tuple[int, NetworkFindings]], columns: Columns
) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **line_style(place) | {"linestyle": "none"}) for place, _ in shown]
    room = 72 * (WIDTHS[columns] / min(_PER_LINE[columns], len(shown)) - 0.35)
    figure.legend(
        handles,
        [drawable(fitted(network.name, room, 6.5)) for _, network in shown],
        loc="lower center",
        ncols=min(_PER_LINE[columns], len(shown)),
        handlelength=1.5,
        borderaxespad=0,
        borderpad=0.2,
        labelspacing=0.3,
    )
