"""Show results and comparisons: tables on a terminal or in a notebook, plain lines elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imagenetq.entry_scores import (
    Accuracies,
    Crossing,
    Estimate,
    LabelScores,
    Proportion,
    Scores,
    VariantScores,
)
from imagenetq.evaluate.results.basis import doubt_about
from imagenetq.evaluate.results.comparison import Comparison, LabelComparison, VariantDifference
from imagenetq.evaluate.results.consistency import Consistency
from imagenetq.evaluate.results.registered_sources import demonstration_of
from imagenetq.evaluate.results.result import Result
from imagenetq.selection import SAMPLE
from imagenetq.specification import CLEAN, LADDERS, Ladder, scored_variants
from imagenetq.words import counted

_BLOCKS = "▁▂▃▄▅▆▇█"
_MISSING = "-"
_SIGNIFICANT = 0.05
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
    scores = result.scores
    lines = []
    for ladder in LADDERS:
        what = f"{ladder.distortion} {ladder.parameter} {_range(ladder)}"
        levels = " ".join(_levels(scores.variants, ladder))
        lines.append(f"{what}: {levels}, mean {_estimate(_mean(scores, ladder))}")
        for held in result.entry.other_labels:
            levels = " ".join(_levels(held.other.variants, ladder))
            mean = _estimate(held.other.distortions[ladder.distortion])
            lines.append(f"{ladder.distortion} by {held.name}: {levels}, mean {mean}")
    return [*lines, *_summary(result)]


def result_html(result: Result) -> str:
    """Write a result as an HTML table for notebooks, accuracies in per cent."""
    scores = result.scores
    title = _title(result)
    head = ["top-1, %", *map(str, range(1, _LEVELS + 1)), "mean"]
    rows = []
    for ladder in LADDERS:
        levels = _levels(scores.variants, ladder)
        rows.append([*_ladder_row(ladder, levels), _value(_mean(scores, ladder))])
        rows += [
            [*_label_row(held, ladder), _value(held.other.distortions[ladder.distortion])]
            for held in result.entry.other_labels
        ]
    return (
        f"<table><caption>{escape(title)}</caption>"
        f"<thead>{_html_row('th', head)}</thead>"
        f"<tbody>{''.join(_html_row('td', row) for row in rows)}</tbody></table>"
        f"<p>{'<br>'.join(map(escape, _summary(result)))}</p>"
    )


def _html_row(cell: str, texts: list[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{escape(text)}</{cell}>' for text in texts)}</tr>"


def comparison_lines(comparison: Comparison) -> list[str]:
    """Write a comparison as plain lines, differences of top-1 accuracy in percentage points."""
    lines = [
        f"{ladder.distortion} {ladder.parameter} {_range(ladder)}: "
        f"{' '.join(_level_differences(comparison, ladder))} points"
        for ladder in LADDERS
    ]
    return [_heading(comparison), *lines, *_conclusions(comparison)]


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


def _result_table(result: Result) -> Table:
    scores = result.scores
    table = _ladder_table("top-1, %")
    table.add_column("curve")
    table.add_column("mean", justify="right")
    # Curves are scaled to the best accuracy, so that weak models' curves have a shape, too.
    top = max(held.top1.value for held in scores.variants.values())
    for ladder in LADDERS:
        table.add_row(
            *_ladder_row(ladder, _levels(scores.variants, ladder)),
            sparkline(_shares(scores.variants, ladder), top),
            _value(_mean(scores, ladder)),
        )
        for held in result.entry.other_labels:
            cells = _label_row(held, ladder)
            table.add_row(
                # rich would read brackets in a file's name as markup.
                Text(cells[0]),
                *cells[1:],
                sparkline(_shares(held.other.variants, ladder), top),
                _value(held.other.distortions[ladder.distortion]),
            )
    return table


def _comparison_table(comparison: Comparison) -> Table:
    table = _ladder_table("top-1, points")
    table.add_column("mean", justify="right")
    for ladder in LADDERS:
        mean = comparison.distortions[ladder.distortion]
        levels = _level_differences(comparison, ladder)
        table.add_row(
            *_ladder_row(ladder, levels),
            _MISSING if mean is None else _marked_mean(comparison, ladder.distortion, mean),
        )
    return table


def _ladder_table(unit: str) -> Table:
    """Make an empty table with a column for each level, in which distortions become rows."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(unit)
    for level in range(1, _LEVELS + 1):
        table.add_column(str(level), justify="right")
    return table


def _ladder_row(ladder: Ladder, levels: list[str]) -> list[str]:
    padding = [""] * (_LEVELS - len(levels))
    return [f"{ladder.distortion} {_range(ladder)}", *levels, *padding]


def _label_row(held: LabelScores, ladder: Ladder) -> list[str]:
    row = _ladder_row(ladder, _levels(held.other.variants, ladder))
    return [f"  by {held.name}", *row[1:]]


def _label_lines(held: LabelScores) -> Iterator[str]:
    """Write the scores by other labels beside those by the data's own labels."""
    left_out = f"; {held.n_unlabelled} have no label in it" if held.n_unlabelled else ""
    yield f"by {held.name}, {counted(held.n_images, 'photograph')}{left_out}:"
    yield f"  clean top-1: {_clean(held.other)}; by their own labels {_clean(held.own)}"
    own = _estimate(held.own.mean)
    yield f"  mean of the five: {_estimate(held.other.mean)}; by their own labels {own}"


def _clean(held: Accuracies) -> str:
    clean = held.variants.get(CLEAN)
    return _proportion(clean) if clean else _MISSING


def _summary(result: Result) -> list[str]:
    scores, clean = result.scores, result.scores.variants.get(CLEAN)
    lines = [
        f"clean top-1: {_proportion(clean.top1) if clean else _MISSING}",
        f"clean top-5: {_proportion(clean.top5) if clean else _MISSING}",
        f"ImageNet-Q score: {_estimate(scores.score)}",
        f"relative score: {_estimate(scores.relative_score)}",
        *_falls(scores),
    ]
    if scores.calibration_error is not None:
        lines.append(f"calibration error: {_percent(scores.calibration_error)} %")
    for held in result.entry.other_labels:
        lines += _label_lines(held)
    lines += [f"warning: {warning}" for warning in result.entry.warnings]
    entry = result.entry
    if entry.subset == SAMPLE or demonstration_of(entry.source_digest) is not None:
        lines.append(f"This is no result. {doubt_about(entry)}")
    return lines


def _falls(scores: Scores) -> Iterator[str]:
    for ladder in LADDERS:
        held = scores.distortions[ladder.distortion]
        if held.falls_to_90 is not None and held.falls_to_50 is not None:
            yield (
                f"{ladder.distortion} falls to 90 % of clean: {_crossing(held.falls_to_90, ladder)}"
                f"; to 50 %: {_crossing(held.falls_to_50, ladder)}"
            )


def _title(result: Result) -> str:
    return f"{result.entry.model.name}, {counted(result.predictions.n_images, 'photograph')}"


def _heading(comparison: Comparison) -> str:
    photographs = counted(comparison.n_images, "photograph")
    return f"{comparison.first} less {comparison.second}, {photographs}"


def _level_differences(comparison: Comparison, ladder: Ladder) -> list[str]:
    return [
        _difference(comparison.variants.get(f"{ladder.distortion}-{value}"))
        for value in ladder.values
    ]


def _difference(held: VariantDifference | None) -> str:
    if held is None:
        return _MISSING
    return f"{100 * held.difference.value:+.0f}{_mark(held.p_holm)}"


def _marked_mean(comparison: Comparison, distortion: str, mean: Estimate) -> str:
    return f"{100 * mean.value:+.1f}{_mark(comparison.means_p_holm.get(distortion))}"


def _mark(p: float | None) -> str:
    return "*" if p is not None and p < _SIGNIFICANT else ""


def _significant(p: dict[str, float]) -> str:
    return f"{sum(value < _SIGNIFICANT for value in p.values())} of {len(p)}"


def _conclusions(comparison: Comparison) -> list[str]:
    p_means = comparison.means_p_holm
    clean = comparison.variants.get(CLEAN)
    p_variants = {name: held.p_holm for name, held in comparison.variants.items()}
    return [
        *(
            f"{distortion} mean: {_points(difference, p_means.get(distortion))}"
            for distortion, difference in comparison.distortions.items()
        ),
        f"clean top-1: {_points(clean.difference if clean else None, p_variants.get(CLEAN))}",
        f"ImageNet-Q score: {_points(comparison.score, p_means.get('score'))}",
        f"relative score: {_points(comparison.relative_score, p_means.get('relative_score'))}",
        f"{_significant(p_variants)} variants differ "
        f"(* p < {_SIGNIFICANT}, exact McNemar test, Holm-corrected)",
        f"{_significant(p_means)} means and scores differ "
        f"(* p < {_SIGNIFICANT}, paired normal test, Holm-corrected)",
        *_consistency_lines(comparison.consistency),
        *([] if comparison.labels is None else _label_difference_lines(comparison.labels)),
        *(f"warning: {warning}" for warning in comparison.warnings),
    ]


def _consistency_lines(held: Consistency) -> Iterator[str]:
    yield "error consistency (Cohen's kappa of being right):"
    yield f"  clean {_kappa(held.variants.get(CLEAN))}, mean of the five {_kappa(held.mean)}"
    for ladder in LADDERS:
        names = [f"{ladder.distortion}-{value}" for value in ladder.values]
        levels = [held.variants.get(name) for name in names]
        shown = " ".join(_MISSING if one is None else f"{one.value:.2f}" for one in levels)
        yield f"  {ladder.distortion} {_kappa(held.distortions[ladder.distortion])}, by level"
        yield f"    {_range(ladder)}: {shown}"


def _label_difference_lines(held: LabelComparison) -> Iterator[str]:
    left_out = f"; {held.n_unlabelled} have no label in it" if held.n_unlabelled else ""
    yield f"by {held.name}, {counted(held.n_images, 'photograph')}{left_out}:"
    if (clean := held.variants.get(CLEAN)) is not None:
        yield f"  clean top-1: {_points(clean.difference, clean.p_holm)}"
    for distortion, difference in held.distortions.items():
        yield f"  {distortion} mean: {_points(difference, None)}"
    yield f"  mean of the five: {_points(held.mean, None)}"
    p_variants = {name: one.p_holm for name, one in held.variants.items()}
    yield f"  {_significant(p_variants)} variants differ"


def _kappa(estimate: Estimate | None) -> str:
    if estimate is None:
        return _MISSING
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _shares(
    variants: Mapping[str, VariantScores] | Mapping[str, Proportion], ladder: Ladder
) -> list[float | None]:
    held = [variants.get(f"{ladder.distortion}-{value}") for value in ladder.values]
    tops = [one.top1 if isinstance(one, VariantScores) else one for one in held]
    return [None if top is None else top.value for top in tops]


def _levels(
    variants: Mapping[str, VariantScores] | Mapping[str, Proportion], ladder: Ladder
) -> list[str]:
    shares = _shares(variants, ladder)
    return [_MISSING if share is None else f"{100 * share:.0f}" for share in shares]


def _mean(scores: Scores, ladder: Ladder) -> Estimate | None:
    return scores.distortions[ladder.distortion].mean


def _range(ladder: Ladder) -> str:
    return f"{ladder.values[0]}..{ladder.values[-1]}"


def _crossing(crossing: Crossing, ladder: Ladder) -> str:
    if crossing.value is not None:
        return f"{ladder.parameter} {crossing.value:.3g}"
    scored = [v.value for v in scored_variants() if v.distortion == ladder.distortion]
    end = scored[0] if crossing.place == "below the first" else scored[-1]
    return f"{crossing.place}, {ladder.parameter} {end}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _value(estimate: Estimate | None) -> str:
    return _MISSING if estimate is None else _percent(estimate.value)


def _proportion(proportion: Proportion) -> str:
    low, high = _percent(proportion.low), _percent(proportion.high)
    return f"{_percent(proportion.value)} % ({low} to {high})"


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return _MISSING
    if estimate.low is None or estimate.high is None:
        return f"{_percent(estimate.value)} %"
    low, high = _percent(estimate.low), _percent(estimate.high)
    return f"{_percent(estimate.value)} % ({low} to {high})"


def _points(estimate: Estimate | None, p: float | None) -> str:
    if estimate is None:
        return _MISSING
    value = f"{100 * estimate.value:+.1f}{_mark(p)} points"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f})"
