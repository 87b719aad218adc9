"""Compute the error consistency between networks, draw it, and write it as a table."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from imagenetq.entry_scores import Estimate, FiniteModel
from imagenetq.errors import EntryError
from imagenetq.evaluate.report.accuracy_curves import set_level_axis
from imagenetq.evaluate.report.markup import key_letter, markdown
from imagenetq.evaluate.report.style import (
    WIDTHS,
    Columns,
    draw_key,
    key_height,
    line_style,
    new_figure,
    paper_style,
)
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.consistency import Consistency, consistency
from imagenetq.evaluate.results.format import coefficient, with_interval
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, network_names
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import CLEAN, LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_LINES = 10
_ROW = 1.45
_BAND = 0.12


class PairConsistency(FiniteModel):
    """The error consistency of two networks."""

    first: str
    """Name of the first network."""

    second: str
    """Name of the second network."""

    consistency: Consistency
    """Error consistency of the two."""


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
        UsageError: there are no results.
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


@paper_style()
def consistency_figure(table: ConsistencyTable, *, columns: Columns = 2) -> "Figure":
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
        _matrix_height(table, columns) if has_matrix else 0,
        key_height(len(key), columns),
    ]
    height = sum(heights)
    figure = new_figure(WIDTHS[columns], height)
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
        for place, ladder in enumerate(LADDERS):
            panel = figure.add_subplot(grid[place // across, place % across])
            _draw_levels(panel, ladder, table)
            panel.tick_params(labelleft=place % across == 0)
            if place % across == 0:
                panel.set_ylabel("kappa")
    if has_matrix:
        _draw_matrix(figure, table, bottom=ends[2], top=ends[1])
    draw_key(figure, key, columns)
    return figure


def to_markdown(table: ConsistencyTable) -> str:
    """Write a table with one row per pair in Markdown, and what its numbers mean."""
    lines = [
        "| | | clean | "
        + " | ".join(TITLES[ladder.distortion] for ladder in LADDERS)
        + " | mean |",
        "|---|---|" + "---|" * (len(LADDERS) + 2),
    ]
    for pair in table.pairs:
        held = pair.consistency
        kappas = [held.variants.get(CLEAN), *held.distortions.values(), held.mean]
        names = [markdown(pair.first), markdown(pair.second)]
        cells = [with_interval(kappa, coefficient) for kappa in kappas]
        lines.append("| " + " | ".join([*names, *cells]) + " |")
    return (
        "Cohen's kappa of two networks' being right: 0 where they fail on the same images no more "
        "often than their accuracies make likely, 1 where they fail on the same ones. In brackets "
        "95 % intervals.\n\n" + "\n".join(lines) + "\n"
    )


def _draw_levels(panel: Any, ladder: Ladder, table: ConsistencyTable) -> None:
    for place, pair in enumerate(table.pairs):
        points = list(_points(ladder, pair.consistency))
        if not points:
            continue
        style = line_style(place)
        at = [value for value, _ in points]
        panel.plot(at, [held.value for _, held in points], **style, zorder=3)
        low = [held.value if held.low is None else held.low for _, held in points]
        high = [held.value if held.high is None else held.high for _, held in points]
        panel.fill_between(at, low, high, color=style["color"], alpha=_BAND, linewidth=0)
    set_level_axis(panel, ladder)
    panel.set_title(TITLES[ladder.distortion])
    panel.set_xlabel(PARAMETERS[ladder.distortion])
    panel.set_ylim(-0.25, 1.03)
    panel.axhline(0, color="0.6", linewidth=0.5)
    panel.grid(color="0.9", linewidth=0.5)
    panel.set_axisbelow(True)


def _points(ladder: Ladder, held: Consistency) -> Iterator[tuple[float, Estimate]]:
    start = UNDISTORTED.get(ladder.distortion)
    clean = held.variants.get(CLEAN)
    if start is not None and clean is not None:
        yield float(start), clean
    for value in ladder.values:
        found = held.variants.get(f"{ladder.distortion}-{value}")
        if found is not None:
            yield float(value), found


def _matrix_height(table: ConsistencyTable, columns: Columns) -> float:
    return min(0.34 * len(table.networks) + 0.5, 0.75 * WIDTHS[columns])


def _draw_matrix(figure: "Figure", table: ConsistencyTable, *, bottom: float, top: float) -> None:
    import numpy as np

    n = len(table.networks)
    shown = np.full((n, n), np.nan)
    place = {name: i for i, name in enumerate(table.networks)}
    for pair in table.pairs:
        i, j = place[pair.first], place[pair.second]
        clean, mean = pair.consistency.variants.get(CLEAN), pair.consistency.mean
        shown[j, i] = np.nan if clean is None else clean.value
        shown[i, j] = np.nan if mean is None else mean.value
    width, height = figure.get_size_inches()
    side = (top - bottom) * height - 0.42
    panel = figure.add_axes(
        ((width - side) / 2 / width, bottom + 0.08 / height, side / width, side / height)
    )
    panel.imshow(shown, cmap="Blues", vmin=0, vmax=1)
    letters = [key_letter(i) for i in range(n)]
    panel.set_xticks(range(n), letters)
    panel.set_yticks(range(n), letters)
    panel.tick_params(length=0, labeltop=True, labelbottom=False)
    for (i, j), value in np.ndenumerate(shown):
        if not np.isnan(value):
            colour = "white" if value > 0.6 else "black"
            size = min(6.5, 130 * side / n / 8)
            panel.text(j, i, coefficient(value), ha="center", va="center", size=size, color=colour)


def _key(table: ConsistencyTable) -> list[tuple[str, dict[str, Any] | None]]:
    """List which letter is which network, and which line is which pair."""
    letters = {name: key_letter(i) for i, name in enumerate(table.networks)}
    key: list[tuple[str, dict[str, Any] | None]] = [
        (f"{letter}  {name}", None) for name, letter in letters.items()
    ]
    if len(table.pairs) <= _MOST_LINES:
        key += [
            (f"{letters[pair.first]} and {letters[pair.second]}", line_style(place))
            for place, pair in enumerate(table.pairs)
        ]
    return key
