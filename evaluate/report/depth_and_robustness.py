"""Draw the findings' figure: networks' depth and size against how much accuracy survives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagenetq.errors import EntryError
from imagenetq.evaluate.report import style
from imagenetq.evaluate.report.conclusions import Findings, NetworkFindings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 1.9
_LINE = 0.15


@style.paper_style()
def robustness_figure(found: Findings, *, columns: style.Columns = 2) -> "Figure":
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
    legend = style.legend_lines(len(shown), columns) * _LINE
    height = _HEIGHT + legend
    figure = style.new_figure(style.WIDTHS[columns], height)
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
        style.write_instead(layers, "no network loaded")
    _scale_parameters(parameters, [network.parameters / 1e6 for _, network in shown])
    ends = [score.high or score.value for _, one in shown if (score := one.relative_score)]
    layers.set_ylim(0, max(100.0, *(103 * end for end in ends)))
    for panel in (layers, parameters):
        style.draw_grid(panel)
    parameters.tick_params(labelleft=False)
    style.draw_legend(
        figure,
        [network.name for _, network in shown],
        [style.marker_style(place) for place, _ in shown],
        columns,
        handle=0.35,
        loc="lower center",
        handlelength=1.5,
    )
    figure.tight_layout(pad=0.3, w_pad=1.0, rect=(0, legend / height, 1, 1))
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
        style.draw_errors(panel, place, value, centre, yerr=error)


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
