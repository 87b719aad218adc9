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
def stability_figure(stability: Stability, *, columns: style.Columns = 2) -> "Figure":
    """Draw scores over other classes and over fewer photographs, and how often each rank occurs.

    The first panel has each network's score with the range of 95 % of the scores over other
    classes, drawn with replacement. The second has the score over the first photographs of each
    class (lines) and over single photographs of each class (dots). The third has the share of draws
    that give each rank.

    Args:
        stability: what `stability` gives.
        columns: how many columns of a two-column page the figure spans.
    """
    n = len(stability.networks)
    row = _HEIGHT + _PER_NETWORK * n
    rows, across = (1, 3) if columns == 2 else (3, 1)
    key = [
        (f"{key_letter(number)}  {network.name}", style.line_style(number))
        for number, network in enumerate(stability.networks)
    ]
    height = rows * row + style.key_height(n, columns)
    figure = style.new_figure(style.WIDTHS[columns], height)
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    _draw_scores(panels[0], stability)
    _draw_subsets(panels[1], stability)
    _draw_ranks(panels[2], stability)
    style.draw_key(figure, key, columns)
    bottom = (style.key_height(n, columns) + 0.05) / height
    figure.tight_layout(pad=0.3, w_pad=1.0, h_pad=0.8, rect=(0, bottom, 1, 1))
    return figure


def to_markdown(stability: Stability) -> str:
    """Write tables of networks, of subsets and of correlations in Markdown."""
    return "\n\n".join(_blocks(stability)) + "\n"


def _blocks(stability: Stability) -> Iterator[str]:
    yield (
        f"Scores and ranks if other classes had been drawn: {stability.n_resamples:,} draws of "
        f"{stability.n_classes} classes with replacement, all photographs of a class together; "
        "ranges hold 95 % of them."
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
        for one in stability.networks
    ]
    yield table(heads, "lrllrl", rows)
    if len(stability.nested) > 1:
        yield (
            "The same over fewer photographs a class (one is `mini`), and over each photograph of "
            "a class alone; tau is Kendall's with the scores over all photographs."
        )
        subsets = {f"{i}": one for i, one in enumerate(stability.nested, 1)}
        subsets |= {f"number {i} alone": one for i, one in enumerate(stability.slices, 1)}
        rows = []
        for name, one in subsets.items():
            pairs = zip(one.scores, one.ranks, strict=True)
            cells = [f"{percent(score)} ({rank})" for score, rank in pairs]
            rows.append([name, _tau(one), *cells])
        heads = ["photographs a class", "tau", *(one.name for one in stability.networks)]
        yield table(heads, "lr" + "l" * len(stability.networks), rows)
    yield _correlations(stability.correlations)


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


def _draw_scores(panel: Any, stability: Stability) -> None:
    for number, one in enumerate(stability.networks):
        error = style.error_bar(one.score.value, one.low, one.high)
        style.draw_errors(panel, number, 100 * one.score.value, number, xerr=error)
    _letter_axis(panel, len(stability.networks))
    panel.set_xlabel("score (%), other classes")
    style.draw_grid(panel, axis="x")


def _draw_subsets(panel: Any, stability: Stability) -> None:
    if len(stability.nested) == 1:
        panel.set_axis_off()
        style.write_instead(panel, "one photograph a class")
        return
    at = list(range(1, len(stability.nested) + 1))
    for number in range(len(stability.networks)):
        look = style.line_style(number)
        panel.plot(at, [100 * one.scores[number] for one in stability.nested], **look)
        alone = [100 * one.scores[number] for one in stability.slices]
        panel.plot(at, alone, ".", color=look["color"], markersize=1.8, alpha=0.7)
    panel.set_xlabel("photographs a class")
    panel.set_ylabel("score (%)")
    panel.set_xticks(at if len(at) <= 10 else at[:: -(-len(at) // 10)])
    style.draw_grid(panel)


def _draw_ranks(panel: Any, stability: Stability) -> None:
    shares = [one.rank_shares for one in stability.networks]
    n = len(shares)

    def write(share: float) -> str:
        return f"{100 * share:.0f}" if n <= _MOST_NUMBERS and round(100 * share) else ""

    style.draw_shares(panel, shares, write, size=6, aspect="auto")
    _letter_axis(panel, n)
    panel.set_xticks(range(n), [str(rank) for rank in range(1, n + 1)])
    panel.set_xlabel("rank (% of draws)")


def _letter_axis(panel: Any, n: int) -> None:
    panel.set_yticks(range(n), [key_letter(number) for number in range(n)])
    panel.set_ylim(n - 0.5, -0.5)
