"""Draw risk against coverage at every level of every distortion, for one network."""

from typing import TYPE_CHECKING, Any

from imagenetq.errors import EntryError
from imagenetq.evaluate.report import style
from imagenetq.evaluate.results.confidence import risk_coverage
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, level_names
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 1.75
_MOST_POINTS = 200
_MAP = "cividis_r"


@style.paper_style()
def risk_figure(predictions: Predictions, *, columns: style.Columns = 2) -> "Figure":
    """Draw a network's risk-coverage curves, one panel per distortion.

    Risk is the share of wrong answers among those that the network is surest of; coverage is the
    share of answers that these are. The dashed line is the clean images; the others are the levels,
    from mild (light) to strong (dark).

    Args:
        predictions: the answers of one network.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        EntryError: nothing but clean was evaluated.
    """
    shown = [ladder for ladder in LADDERS if _levels(ladder, predictions)]
    if not shown:
        raise EntryError("no level of a distortion was evaluated")
    across = min(len(shown), 5 if columns == 2 else 2)
    rows = -(-len(shown) // across)
    figure = style.new_figure(style.WIDTHS[columns], rows * _ROW)
    panels = figure.subplots(rows, across, squeeze=False)
    for number, (panel, ladder) in enumerate(zip(panels.flat, shown, strict=False)):
        _draw(panel, ladder, predictions)
        panel.set_xlabel("coverage (%)")
        panel.tick_params(labelleft=number % across == 0)
        if number % across == 0:
            panel.set_ylabel("risk (%)")
    for panel in panels.flat[len(shown) :]:
        panel.set_axis_off()
    figure.tight_layout(pad=0.3, w_pad=0.5, h_pad=0.8)
    return figure


def _levels(ladder: Ladder, predictions: Predictions) -> list[tuple[str, int]]:
    """List the parameter and the column of each level evaluated, from mild to strong."""
    columns = map(predictions.column, level_names(ladder))
    levels = zip(map(str, ladder.values), columns, strict=True)
    return [(value, column) for value, column in levels if column is not None]


def _draw(panel: Any, ladder: Ladder, predictions: Predictions) -> None:
    import matplotlib as mpl

    levels = _levels(ladder, predictions)
    colours = mpl.colormaps[_MAP](
        [0.15 + 0.85 * i / max(len(levels) - 1, 1) for i in range(len(levels))]
    )
    lines = [
        _draw_curve(panel, predictions, column, color=colour, linewidth=0.9)
        for (_, column), colour in zip(levels, colours, strict=True)
    ]
    clean = predictions.column(CLEAN)
    if clean is not None:
        _draw_curve(panel, predictions, clean, color="black", linestyle="--", linewidth=0.8)
    ends = [0, len(levels) - 1] if len(levels) > 1 else [0]
    panel.legend(
        [lines[end] for end in ends],
        [levels[end][0] for end in ends],
        title=PARAMETERS[ladder.distortion],
        title_fontsize=5.5,
        fontsize=5.5,
        loc="lower right",
        handlelength=1.2,
        borderpad=0.1,
        labelspacing=0.2,
        frameon=True,
        facecolor="white",
        edgecolor="none",
        framealpha=0.8,
    )
    panel.set_title(TITLES[ladder.distortion])
    panel.set_xlim(0, 102)
    panel.set_ylim(-2, 102)
    style.draw_grid(panel)


def _draw_curve(panel: Any, predictions: Predictions, column: int, **look: Any) -> Any:
    import numpy as np

    curve = risk_coverage(predictions, column)
    n = len(curve.risk)
    shown = np.unique(np.linspace(0, n - 1, min(n, _MOST_POINTS)).round().astype(int))
    (line,) = panel.plot(100 * curve.coverage[shown], 100 * curve.risk[shown], **look)
    return line
