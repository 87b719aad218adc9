"""Show how stable the ranking is, in a figure and in tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imagenetq.evaluate.report import style
from imagenetq.evaluate.report.markup import key_letter, table
from imagenetq.evaluate.results.format import MISSING, coefficient, interval, percent, span
from imagenetq.evaluate.results.stability import Correlation, Stability, SubsetRanking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT, _PER_NETWORK = 1.2, 0.12
_MOST_NUMBERS = 12


@style.paper_style()
def stability_figure(found: Stability, *, columns: style.Columns = 2) -> "Figure":
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
        (f"{key_letter(place)}  {network.name}", style.line_style(place))
        for place, network in enumerate(found.networks)
    ]
    height = rows * row + style.key_height(n, columns)
    figure = style.new_figure(style.WIDTHS[columns], height)
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    _draw_scores(panels[0], found)
    _draw_subsets(panels[1], found)
    _draw_ranks(panels[2], found)
    style.draw_key(figure, key, columns)
    bottom = (style.key_height(n, columns) + 0.05) / height
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
    heads = ["", "score (%)", "over photographs", "over classes", "rank", "ranks"]
    rows = [
        [
            one.name,
            percent(one.score.value),
            interval(one.score.low, one.score.high) or MISSING,
            interval(one.low, one.high),
            f"{one.rank}",
            span(one.lowest_rank, one.highest_rank),
        ]
        for one in found.networks
    ]
    yield table(heads, "lrllrl", rows)
    if len(found.nested) > 1:
        yield (
            "The same over fewer photographs a class (one is `mini`), and over each photograph of "
            "a class alone; tau is Kendall's with the scores over all photographs."
        )
        subsets = {f"{i}": one for i, one in enumerate(found.nested, 1)}
        subsets |= {f"number {i} alone": one for i, one in enumerate(found.slices, 1)}
        rows = [
            [name, _tau(one), *map(_score_and_rank, one.scores, one.ranks)]
            for name, one in subsets.items()
        ]
        heads = ["photographs a class", "tau", *(one.name for one in found.networks)]
        yield table(heads, "lr" + "l" * len(found.networks), rows)
    yield _correlations(found.correlations)


def _score_and_rank(score: float, rank: int) -> str:
    return f"{percent(score)} ({rank})"


def _correlations(correlations: tuple[Correlation, ...]) -> str:
    n = max((one.n_networks for one in correlations), default=0)
    if all(one.pearson is None for one in correlations):
        return f"{n} networks are too few for a correlation between scores; it takes three."
    heads = ["", "", "networks", "correlation", "Kendall's tau"]
    rows = [
        (one.first, one.second, f"{one.n_networks}", _pearson(one), _tau(one))
        for one in correlations
    ]
    what = "How scores go together over networks (95 % interval by Fisher's z)."
    return f"{what}\n\n{table(heads, 'llrlr', rows)}"


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
        style.draw_errors(panel, place, centre, place, xerr=ends)
    _letter_axis(panel, len(found.networks))
    panel.set_xlabel("score (%), other classes")
    style.draw_grid(panel, axis="x")


def _draw_subsets(panel: Any, found: Stability) -> None:
    if len(found.nested) == 1:
        panel.set_axis_off()
        style.write_instead(panel, "one photograph a class")
        return
    at = list(range(1, len(found.nested) + 1))
    for place in range(len(found.networks)):
        look = style.line_style(place)
        panel.plot(at, [100 * one.scores[place] for one in found.nested], **look)
        alone = [100 * one.scores[place] for one in found.slices]
        panel.plot(at, alone, ".", color=look["color"], markersize=1.8, alpha=0.7)
    panel.set_xlabel("photographs a class")
    panel.set_ylabel("score (%)")
    panel.set_xticks(at if len(at) <= 10 else at[:: -(-len(at) // 10)])
    style.draw_grid(panel)


def _draw_ranks(panel: Any, found: Stability) -> None:
    shares = [one.rank_shares for one in found.networks]
    n = len(shares)

    def write(share: float) -> str:
        return f"{100 * share:.0f}" if n <= _MOST_NUMBERS and round(100 * share) else ""

    style.draw_shares(panel, shares, write, size=6, aspect="auto")
    _letter_axis(panel, n)
    panel.set_xticks(range(n), [str(rank) for rank in range(1, n + 1)])
    panel.set_xlabel("rank (% of draws)")


def _letter_axis(panel: Any, n: int) -> None:
    panel.set_yticks(range(n), [key_letter(place) for place in range(n)])
    panel.set_ylim(n - 0.5, -0.5)
