"""Show results and comparisons: tables on a terminal or in a notebook, plain lines elsewhere."""

from collections.abc import Callable, Collection, Iterator, Mapping
from html import escape
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imagenetq.entry_scores import Estimate, LabelScores, Proportion
from imagenetq.evaluate.results.basis import doubt_about
from imagenetq.evaluate.results.comparison import Comparison, LabelComparison
from imagenetq.evaluate.results.confidence import ConfidenceScores
from imagenetq.evaluate.results.consistency import Consistency
from imagenetq.evaluate.results.format import (
    MISSING,
    bounds_words,
    coefficient,
    crossing_phrase,
    in_percent,
    in_points,
    mark,
    percent,
    points,
    with_interval,
)
from imagenetq.evaluate.results.names import ladder_range, level_names
from imagenetq.evaluate.results.registered_sources import demonstration_of
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.statistics import SIGNIFICANT
from imagenetq.selection import SAMPLE
from imagenetq.specification import CLEAN, LADDERS, Ladder
from imagenetq.words import counted

_BLOCKS = "▁▂▃▄▅▆▇█"
_LEVELS = max(len(ladder.values) for ladder in LADDERS)


def print_result(result: Result, console: Console | None = None) -> None:
    """Print a result to a console, standard output if None.

    A terminal gets a table, everything else plain lines.
    """
    _print(_title(result), _result_table(result), _summary(result), result_lines(result), console)


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print a comparison as `print_result` does a result."""
    title, lines = _heading(comparison), comparison_lines(comparison)
    _print(title, _comparison_table(comparison), _conclusions(comparison), lines, console)


def result_lines(result: Result) -> list[str]:
    """Write a result as plain lines, accuracies in per cent."""
    return [*(row.line for row in _rows(result)), *_summary(result)]


def result_html(result: Result) -> str:
    """Write a result as an HTML table for notebooks, accuracies in per cent."""
    head = ["top-1, %", *map(str, range(1, _LEVELS + 1)), "mean"]
    body = "".join(_html_row("td", [*row.cells, row.shown_mean]) for row in _rows(result))
    return (
        f"<table><caption>{escape(_title(result))}</caption>"
        f"<thead>{_html_row('th', head)}</thead><tbody>{body}</tbody></table>"
        f"<p>{'<br>'.join(map(escape, _summary(result)))}</p>"
    )


def _html_row(cell: str, texts: list[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{escape(text)}</{cell}>' for text in texts)}</tr>"


def comparison_lines(comparison: Comparison) -> list[str]:
    """Write a comparison as plain lines, differences of top-1 accuracy in percentage points."""
    lines = [
        f"{ladder.distortion} {ladder.parameter} {ladder_range(ladder)}: "
        f"{' '.join(_level_differences(comparison, ladder))} points"
        for ladder in LADDERS
    ]
    return [_heading(comparison), *lines, *_conclusions(comparison)]


def confidence_lines(scores: Mapping[str, ConfidenceScores]) -> list[str]:
    """Write three numbers of clean images and of each distortion, level by level.

    Where a number is only known to lie between bounds, the bounds are shown.
    """
    shown: dict[str, Callable[[ConfidenceScores], str]] = {
        "negative log likelihood": lambda one: bounds_words(one.negative_log_likelihood),
        "Brier score": lambda one: bounds_words(one.brier),
        "risk-coverage area": lambda one: f"{one.risk_area:.3f}",
    }
    lines = []
    for what, words in shown.items():
        clean = scores.get(CLEAN)
        lines.append(f"{what}, clean: {MISSING if clean is None else words(clean)}")
        for ladder in LADDERS:
            levels = [
                words(scores[name]) if name in scores else MISSING for name in level_names(ladder)
            ]
            lines.append(f"{what}, {ladder.distortion} {ladder_range(ladder)}: {' '.join(levels)}")
    return lines


def sparkline(shares: list[float | None], top: float) -> str:
    """Draw a small curve of text: one character per share from 0 to `top`, a space for None."""
    steps = len(_BLOCKS) - 1
    return "".join(
        " " if share is None else _BLOCKS[round(steps * min(share / top, 1)) if top else 0]
        for share in shares
    )


def _print(
    title: str, table: Table, notes: list[str], lines: list[str], console: Console | None
) -> None:
    console = console or Console()
    if not console.is_terminal or not console.encoding.startswith("utf"):
        # Not through rich, which would wrap the lines; nor a table, whose curves are not ASCII.
        console.file.write("".join(f"{line}\n" for line in lines))
        return
    # A title of the table itself would be wrapped to the table's width.
    console.print(Text(title, style="italic"), soft_wrap=True)
    console.print(table)
    for note in notes:
        console.print(Text(note), soft_wrap=True)


class _Row(NamedTuple):
    """The top-1 accuracies under one distortion, by one set of labels."""

    ladder: Ladder
    labels: str | None
    """Name of the file of labels; None if they are the data's own."""
    accuracies: Mapping[str, Proportion]
    mean: Estimate | None

    @property
    def shares(self) -> list[float | None]:
        levels = [self.accuracies.get(name) for name in level_names(self.ladder)]
        return [None if level is None else level.value for level in levels]

    @property
    def levels(self) -> list[str]:
        return [MISSING if share is None else f"{100 * share:.0f}" for share in self.shares]

    @property
    def cells(self) -> list[str]:
        cells = _ladder_cells(self.ladder, self.levels)
        return cells if self.labels is None else [f"  by {self.labels}", *cells[1:]]

    @property
    def shown_mean(self) -> str:
        return MISSING if self.mean is None else percent(self.mean.value)

    @property
    def line(self) -> str:
        parameter = f"{self.ladder.parameter} {ladder_range(self.ladder)}"
        what = parameter if self.labels is None else f"by {self.labels}"
        levels = " ".join(self.levels)
        return f"{self.ladder.distortion} {what}: {levels}, mean {in_percent(self.mean)}"


def _rows(result: Result) -> Iterator[_Row]:
    scores = result.scores
    own = {name: variant.top1 for name, variant in scores.variants.items()}
    for ladder in LADDERS:
        yield _Row(ladder, None, own, scores.distortions[ladder.distortion].mean)
        for labels in result.entry.other_labels:
            other = labels.other
            yield _Row(ladder, labels.name, other.variants, other.distortions[ladder.distortion])


def _ladder_cells(ladder: Ladder, levels: list[str]) -> list[str]:
    """Write a distortion's name and its levels, with empty cells up to the longest ladder's."""
    padding = [""] * (_LEVELS - len(levels))
    return [f"{ladder.distortion} {ladder_range(ladder)}", *levels, *padding]


def _ladder_table(unit: str) -> Table:
    """Make an empty table with a column for each level, in which distortions become rows."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(unit)
    for level in range(1, _LEVELS + 1):
        table.add_column(str(level), justify="right")
    return table


def _result_table(result: Result) -> Table:
    table = _ladder_table("top-1, %")
    table.add_column("curve")
    table.add_column("mean", justify="right")
    # Curves are scaled to the best accuracy, so that weak models' curves have a shape, too.
    top = max(variant.top1.value for variant in result.scores.variants.values())
    for row in _rows(result):
        name, *levels = row.cells
        # rich would read brackets in a file's name as markup.
        table.add_row(Text(name), *levels, sparkline(row.shares, top), row.shown_mean)
    return table


def _comparison_table(comparison: Comparison) -> Table:
    table = _ladder_table("top-1, points")
    table.add_column("mean", justify="right")
    for ladder in LADDERS:
        mean, p = comparison.distortions[ladder.distortion], comparison.means_p_holm
        shown = MISSING if mean is None else points(mean.value) + mark(p.get(ladder.distortion))
        table.add_row(*_ladder_cells(ladder, _level_differences(comparison, ladder)), shown)
    return table


def _level_differences(comparison: Comparison, ladder: Ladder) -> list[str]:
    levels = [comparison.variants.get(name) for name in level_names(ladder)]
    return [
        MISSING if one is None else f"{100 * one.difference.value:+.0f}{mark(one.p_holm)}"
        for one in levels
    ]


def _title(result: Result) -> str:
    return f"{result.entry.model.name}, {counted(result.predictions.n_images, 'photograph')}"


def _heading(comparison: Comparison) -> str:
    photographs = counted(comparison.n_images, "photograph")
    return f"{comparison.first} less {comparison.second}, {photographs}"


def _summary(result: Result) -> list[str]:
    entry, scores, clean = result.entry, result.scores, result.scores.variants.get(CLEAN)
    lines = [
        f"clean top-1: {in_percent(None if clean is None else clean.top1)}",
        f"clean top-5: {in_percent(None if clean is None else clean.top5)}",
        f"ImageNet-Q score: {in_percent(scores.score)}",
        f"relative score: {in_percent(scores.relative_score)}",
    ]
    for ladder in LADDERS:
        falls = scores.distortions[ladder.distortion]
        if falls.falls_to_90 is not None and falls.falls_to_50 is not None:
            lines.append(
                f"{ladder.distortion} falls to 90 % of clean: "
                f"{crossing_phrase(falls.falls_to_90, ladder)}; to 50 %: "
                f"{crossing_phrase(falls.falls_to_50, ladder)}"
            )
    if scores.calibration_error is not None:
        lines.append(f"calibration error: {percent(scores.calibration_error)} %")
    for labels in entry.other_labels:
        lines += _label_lines(labels)
    lines += [f"warning: {warning}" for warning in entry.warnings]
    if entry.subset == SAMPLE or demonstration_of(entry.source_digest) is not None:
        lines.append(f"This is no result. {doubt_about(entry)}")
    return lines


def _label_lines(labels: LabelScores) -> Iterator[str]:
    """Write the scores by other labels beside those by the data's own labels."""
    other, own = labels.other, labels.own
    clean, own_clean = (scores.variants.get(CLEAN) for scores in (other, own))
    yield _label_heading(labels)
    yield f"  clean top-1: {in_percent(clean)}; by their own labels {in_percent(own_clean)}"
    mean, own_mean = in_percent(other.mean), in_percent(own.mean)
    yield f"  mean of the five: {mean}; by their own labels {own_mean}"


def _label_heading(labels: LabelScores | LabelComparison) -> str:
    left_out = f"; {labels.n_unlabelled} have no label in it" if labels.n_unlabelled else ""
    return f"by {labels.name}, {counted(labels.n_images, 'photograph')}{left_out}:"


def _conclusions(comparison: Comparison) -> list[str]:
    p = comparison.means_p_holm
    clean = comparison.variants.get(CLEAN)
    p_variants = [variant.p_holm for variant in comparison.variants.values()]
    return [
        *(
            f"{distortion} mean: {in_points(difference, p.get(distortion))}"
            for distortion, difference in comparison.distortions.items()
        ),
        f"clean top-1: {MISSING if clean is None else in_points(clean.difference, clean.p_holm)}",
        f"ImageNet-Q score: {in_points(comparison.score, p.get('score'))}",
        f"relative score: {in_points(comparison.relative_score, p.get('relative_score'))}",
        f"{_significant(p_variants)} variants differ "
        f"(* p < {SIGNIFICANT}, exact McNemar test, Holm-corrected)",
        f"{_significant(p.values())} means and scores differ "
        f"(* p < {SIGNIFICANT}, paired normal test, Holm-corrected)",
        *_consistency_lines(comparison.consistency),
        *([] if comparison.labels is None else _label_difference_lines(comparison.labels)),
        *(f"warning: {warning}" for warning in comparison.warnings),
    ]


def _significant(p: Collection[float]) -> str:
    return f"{sum(value < SIGNIFICANT for value in p)} of {len(p)}"


def _consistency_lines(consistency: Consistency) -> Iterator[str]:
    kappas = consistency.variants
    clean, mean = (
        with_interval(kappa, coefficient) for kappa in (kappas.get(CLEAN), consistency.mean)
    )
    yield "error consistency (Cohen's kappa of being right):"
    yield f"  clean {clean}, mean of the five {mean}"
    for ladder in LADDERS:
        whole = with_interval(consistency.distortions[ladder.distortion], coefficient)
        levels = [kappas.get(name) for name in level_names(ladder)]
        shown = [MISSING if level is None else coefficient(level.value) for level in levels]
        yield f"  {ladder.distortion} {whole}, by level"
        yield f"    {ladder_range(ladder)}: {' '.join(shown)}"


def _label_difference_lines(labels: LabelComparison) -> Iterator[str]:
    yield _label_heading(labels)
    if (clean := labels.variants.get(CLEAN)) is not None:
        yield f"  clean top-1: {in_points(clean.difference, clean.p_holm)}"
    for distortion, difference in labels.distortions.items():
        yield f"  {distortion} mean: {in_points(difference)}"
    yield f"  mean of the five: {in_points(labels.mean)}"
    p_variants = [variant.p_holm for variant in labels.variants.values()]
    yield f"  {_significant(p_variants)} variants differ"
