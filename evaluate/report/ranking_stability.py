"""Show how stable the ranking is, in a figure and in tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imagenetq.evaluate.report.markup import key_letter, markdown
from imagenetq.evaluate.report.style import (
    GREY,
    WIDTHS,
    Columns,
    draw_key,
    key_height,
    line_style,
    new_figure,
    paper_style,
)
from imagenetq.evaluate.results.format import MISSING, coefficient, interval, percent, span
from imagenetq.evaluate.results.stability import Correlation, Stability, SubsetRanking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT, _PER_NETWORK = 1.2, 0.12
_MOST_NUMBERS = 12


@paper_style()
def stability_figure(found: Stability, *, columns: Columns = 2) -> "Figure":
    """Draw scores over other classes and over fewer photographs, and how often each rank occurs.

    The first panel has each network's score with the range of 95 % of the scores over other
    classes, drawn with replacement. The second has the score over the first photographs of each
    class (lines) and over single photographs of each class (dots). The third has the share of draws
    that give each rank.

    Args:
        found: what `stability` found.
        columns: how many columns of a two-column page the figure spans.
    """
    n = len(found.networks)
    row = _HEIGHT + _PER_NETWORK * n
    rows, across = (1, 3) if columns == 2 else (3, 1)
    key = [
        (f"{key_letter(place)}  {network.name}", line_style(place))
        for place, network in enumerate(found.networks)
    ]
    height = rows * row + key_height(n, columns)
    figure = new_figure(WIDTHS[columns], height)
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    _draw_scores(panels[0], found)
    _draw_subsets(panels[1], found)
    _draw_ranks(panels[2], found)
    draw_key(figure, key, columns)
    bottom = (key_height(n, columns) + 0.05) / height
    figure.tight_layout(pad=0.3, w_pad=1.0, h_pad=0.8, rect=(0, bottom, 1, 1))
    return figure


def to_markdown(found: Stability) -> str:
    """Write tables of networks, of subsets and of correlations in Markdown."""
    return "\n\n".join(_blocks(found)) + "\n"


def _blocks(found: Stability) -> Iterator[str]:
    yield (
        f"Scores and ranks if other classes had been drawn: {found.n_resamples:,} draws of "
        f"{found.n_classes} classes with replacement, all photographs of a class together; ranges "
        "hold 95 % of them."
    )
    lines = [
        "| | score (%) | over photographs | over classes | rank | ranks |",
        "|---|---:|---|---|---:|---|",
    ]
    for one in found.networks:
        cells = [
            percent(one.score.value),
            interval(one.score.low, one.score.high) or MISSING,
            interval(one.low, one.high),
            f"{one.rank}",
            span(one.lowest_rank, one.highest_rank),
        ]
        lines.append("| " + " | ".join([markdown(one.name), *cells]) + " |")
    yield "\n".join(lines)
    if len(found.nested) > 1:
        yield (
            "The same over fewer photographs a class (one is `mini`), and over each photograph of "
            "a class alone; tau is Kendall's with the scores over all photographs."
        )
        heads = [markdown(one.name) for one in found.networks]
        lines = ["| photographs a class | tau | " + " | ".join(heads) + " |"]
        lines.append("|---|---:|" + "---|" * len(heads))
        lines += [_subset_row(str(i), one) for i, one in enumerate(found.nested, 1)]
        lines += [_subset_row(f"number {i} alone", one) for i, one in enumerate(found.slices, 1)]
        yield "\n".join(lines)
    yield _correlations(found.correlations)


def _correlations(correlations: tuple[Correlation, ...]) -> str:
    n = max((one.n_networks for one in correlations), default=0)
    if all(one.pearson is None for one in correlations):
        return f"{n} networks are too few for a correlation between scores; it takes three."
    lines = ["| | | networks | correlation | Kendall's tau |", "|---|---|---:|---|---:|"]
    lines += [
        f"| {markdown(one.first)} | {markdown(one.second)} | {one.n_networks} | "
        f"{_pearson(one)} | {_tau(one)} |"
        for one in correlations
    ]
    return "How scores go together over networks (95 % interval by Fisher's z).\n\n" + "\n".join(
        lines
    )


def _subset_row(name: str, one: SubsetRanking) -> str:
    cells = [
        f"{percent(score)} ({rank})" for score, rank in zip(one.scores, one.ranks, strict=True)
    ]
    return f"| {name} | {_tau(one)} | " + " | ".join(cells) + " |"


def _pearson(one: Correlation) -> str:
    if one.pearson is None:
        return MISSING
    ends = interval(one.low, one.high, coefficient)
    return coefficient(one.pearson) + (f" ({ends})" if ends else "")


def _tau(one: Correlation | SubsetRanking) -> str:
    return MISSING if one.tau is None else coefficient(one.tau)


def _draw_scores(panel: Any, found: Stability) -> None:
    for place, one in enumerate(found.networks):
        centre = 100 * one.score.value
        ends = [[centre - 100 * one.low], [100 * one.high - centre]]
        style = line_style(place) | {"linestyle": "none"}
        panel.errorbar([centre], [place], xerr=ends, **style, elinewidth=0.8, capsize=2)
    _letter_axis(panel, len(found.networks))
    panel.set_xlabel("score (%), other classes")
    panel.grid(color="0.9", linewidth=0.5, axis="x")
    panel.set_axisbelow(True)


def _draw_subsets(panel: Any, found: Stability) -> None:
    if len(found.nested) == 1:
        panel.set_axis_off()
        middle = {"ha": "center", "va": "center", "transform": panel.transAxes}
        panel.text(0.5, 0.5, "one photograph a class", color=GREY, **middle)
        return
    at = list(range(1, len(found.nested) + 1))
    for place in range(len(found.networks)):
        style = line_style(place)
        panel.plot(at, [100 * one.scores[place] for one in found.nested], **style)
        alone = [100 * one.scores[place] for one in found.slices]
        panel.plot(at, alone, ".", color=style["color"], markersize=1.8, alpha=0.7)
    panel.set_xlabel("photographs a class")
    panel.set_ylabel("score (%)")
    panel.set_xticks(at if len(at) <= 10 else at[:: -(-len(at) // 10)])
    panel.grid(color="0.9", linewidth=0.5)
    panel.set_axisbelow(True)


def _draw_ranks(panel: Any, found: Stability) -> None:
    shares = [one.rank_shares for one in found.networks]
    n = len(shares)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    _letter_axis(panel, n)
    panel.set_xticks(range(n), [str(rank) for rank in range(1, n + 1)])
    panel.set_xlabel("rank (% of draws)")
    if n > _MOST_NUMBERS:
        return
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            if round(100 * share):
                colour = "white" if share > 0.6 else "black"
                panel.text(
                    j, i, f"{100 * share:.0f}", ha="center", va="center", size=6, color=colour
                )


def _letter_axis(panel: Any, n: int) -> None:
    panel.set_yticks(range(n), [key_letter(place) for place in range(n)])
    panel.set_ylim(n - 0.5, -0.5)
