"""Compute the error consistency between networks, draw it, and write it as a table."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from imagenetq.entry_scores import FiniteModel
from imagenetq.errors import EntryError
from imagenetq.evaluate.report import markup, style
from imagenetq.evaluate.report.accuracy_curves import set_level_axis
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.consistency import Consistency, consistency
from imagenetq.evaluate.results.format import coefficient, with_interval
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, network_names
from imagenetq.evaluate.results.plot import draw_curve, points
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN, LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_LINES = 10
_ROW = 1.45
_BAND = 0.12


class PairConsistency(FiniteModel):
    """The error consistency of two networks."""

    first: str
    second: str
    consistency: Consistency


class ConsistencyTable(FiniteModel):
    """The error consistency of all pairs of networks."""

    networks: tuple[str, ...]
    """The networks' names, in the order of the results."""

    pairs: tuple[PairConsistency, ...]
    """The pairs: the first network with each later one, then the second with each later one, and
    so on."""


def consistency_table(results: Sequence[Result]) -> ConsistencyTable:
    """Compute the error consistency of all pairs of networks.

    Raises:
        EntryError: there is only one result, or the results are not of one dataset.
    """
    require_one_dataset(results)
    if len(results) < 2:
        raise EntryError("error consistency is between networks; give two results or more")
    names = network_names(results)
    pairs = [
        PairConsistency(
            first=names[i],
            second=names[j],
            consistency=consistency(results[i].predictions, results[j].predictions),
        )
        for i, j in combinations(range(len(results)), 2)
    ]
    return ConsistencyTable(networks=tuple(names), pairs=tuple(pairs))


@style.paper_style()
def consistency_figure(table: ConsistencyTable, *, columns: style.Columns = 2) -> "Figure":
    """Draw kappa against level with one line per pair, and for three networks or more a matrix.

    Bands are 95 % intervals. Lines are left out if there are more than ten pairs. The matrix has
    clean images below its diagonal, and the mean of the five distortions above it.

    Args:
        table: what `consistency_table` computed.
        columns: how many columns of a two-column page the figure spans.
    """
    has_lines = len(table.pairs) <= _MOST_LINES
    has_matrix = len(table.networks) > 2
    rows, across = (1, 5) if columns == 2 else (3, 2)
    key = _key(table)
    heights = [
        rows * _ROW if has_lines else 0,
        min(0.34 * len(table.networks) + 0.5, 0.75 * style.WIDTHS[columns]) if has_matrix else 0,
        style.key_height(len(key), columns),
    ]
    height = sum(heights)
    figure = style.new_figure(style.WIDTHS[columns], height)
    ends = [1.0, 1 - heights[0] / height, heights[2] / height]
    if has_lines:
        grid = figure.add_gridspec(
            rows,
            across,
            left=0.07 * 2 / columns,
            right=0.985,
            top=1 - 0.2 / height,
            bottom=ends[1] + 0.36 / height,
            hspace=0.75,
            wspace=0.18,
        )
        for number, ladder in enumerate(LADDERS):
            panel = figure.add_subplot(grid[number // across, number % across])
            _draw_levels(panel, ladder, table)
            panel.tick_params(labelleft=number % across == 0)
            if number % across == 0:
                panel.set_ylabel("kappa")
    if has_matrix:
        _draw_matrix(figure, table, bottom=ends[2], top=ends[1])
    style.draw_key(figure, key, columns)
    return figure


def to_markdown(table: ConsistencyTable) -> str:
    """Write a table with one row per pair in Markdown, and what its numbers mean."""
    heads = ["", "", "clean", *(TITLES[ladder.distortion] for ladder in LADDERS), "mean"]
    rows = []
    for pair in table.pairs:
        kappas = [
            pair.consistency.variants.get(CLEAN),
            *pair.consistency.distortions.values(),
            pair.consistency.mean,
        ]
        cells = [with_interval(kappa, coefficient) for kappa in kappas]
        rows.append([pair.first, pair.second, *cells])
    return (
        "Cohen's kappa of two networks' being right: 0 where they fail on the same images no more "
        "often than their accuracies make likely, 1 where they fail on the same ones. In brackets "
        f"95 % intervals.\n\n{markup.table(heads, 'l' * len(heads), rows)}\n"
    )


def _draw_levels(panel: Any, ladder: Ladder, table: ConsistencyTable) -> None:
    for number, pair in enumerate(table.pairs):
        curve = points(ladder, pair.consistency.variants)
        if curve:
            draw_curve(panel, curve, band=_BAND, zorder=3, **style.line_style(number))
    set_level_axis(panel, ladder)
    panel.set_title(TITLES[ladder.distortion])
    panel.set_xlabel(PARAMETERS[ladder.distortion])
    panel.set_ylim(-0.25, 1.03)
    panel.axhline(0, color="0.6", linewidth=0.5)
    style.draw_grid(panel)


def _draw_matrix(figure: "Figure", table: ConsistencyTable, *, bottom: float, top: float) -> None:
    import numpy as np

    n = len(table.networks)
    shown = np.full((n, n), np.nan)
    for pair in table.pairs:
        i, j = table.networks.index(pair.first), table.networks.index(pair.second)
        clean, mean = pair.consistency.variants.get(CLEAN), pair.consistency.mean
        shown[j, i] = np.nan if clean is None else clean.value
        shown[i, j] = np.nan if mean is None else mean.value
    width, height = figure.get_size_inches()
    side = (top - bottom) * height - 0.42
    panel = figure.add_axes(
        ((width - side) / 2 / width, bottom + 0.08 / height, side / width, side / height)
    )
    style.draw_shares(
        panel,
        shown,
        lambda kappa: "" if np.isnan(kappa) else coefficient(kappa),
        size=min(6.5, 130 * side / n / 8),
    )
    letters = [markup.key_letter(i) for i in range(n)]
    panel.set_xticks(range(n), letters)
    panel.set_yticks(range(n), letters)
    panel.tick_params(length=0, labeltop=True, labelbottom=False)


def _key(table: ConsistencyTable) -> list[tuple[str, dict[str, Any] | None]]:
    """List which letter is which network, and which line is which pair."""
    letters = {name: markup.key_letter(i) for i, name in enumerate(table.networks)}
    key: list[tuple[str, dict[str, Any] | None]] = [
        (f"{letter}  {name}", None) for name, letter in letters.items()
    ]
    if len(table.pairs) <= _MOST_LINES:
        key += [
            (f"{letters[pair.first]} and {letters[pair.second]}", style.line_style(number))
            for number, pair in enumerate(table.pairs)
        ]
    return key
