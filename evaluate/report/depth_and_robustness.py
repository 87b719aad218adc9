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
def robustness_figure(findings: Findings, *, columns: style.Columns = 2) -> "Figure":
    """Draw relative scores with their 95 % intervals against layers, and against parameters.

    Args:
        findings: what `findings` gives. Networks whose layers are not known are shown only in the
            second panel.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        EntryError: no network has a relative score, which needs clean and all scored variants.
    """
    shown = [(i, one) for i, one in enumerate(findings.networks) if one.relative_score is not None]
    if not shown:
        raise EntryError(
            "no entry has a relative score, which needs clean and all 49 scored variants"
        )
    legend = style.legend_lines(len(shown), columns) * _LINE
    height = _HEIGHT + legend
    figure = style.new_figure(style.WIDTHS[columns], height)
    layers, parameters = figure.subplots(1, 2, sharey=True)
    deep = [(number, network) for number, network in shown if network.layers is not None]
    _scatter(layers, [(number, network, network.layers) for number, network in deep])
    _scatter(parameters, [(number, network, network.parameters / 1e6) for number, network in shown])
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
        [style.marker_style(number) for number, _ in shown],
        columns,
        handle=0.35,
        loc="lower center",
        handlelength=1.5,
    )
    figure.tight_layout(pad=0.3, w_pad=1.0, rect=(0, legend / height, 1, 1))
    return figure


def _scatter(panel: Any, points: Sequence[tuple[int, NetworkFindings, Any]]) -> None:
    for number, network, value in points:
        if (score := network.relative_score) is not None:
            error = style.error_bar(score.value, score.low, score.high)
            style.draw_errors(panel, number, value, 100 * score.value, yerr=error)


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
