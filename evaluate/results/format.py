"""Write numbers as tables, figures, pages and sentences show them."""

import math
from collections.abc import Callable

from imagenetq.entry_scores import Crossing, Estimate, Proportion
from imagenetq.evaluate.results.confidence import Bounds
from imagenetq.evaluate.results.scores import scored_levels
from imagenetq.evaluate.results.statistics import SIGNIFICANT
from imagenetq.specification import Ladder, Value

MISSING = "-"
"""Text in place of a number that is not known."""

TIMES = "\N{MULTIPLICATION SIGN}"

Write = Callable[[float], str]
"""A function that writes a number."""


def percent(share: float) -> str:
    """Write a share in per cent to one decimal, without the sign: `71.3`."""
    return f"{100 * share:z.1f}"


def points(difference: float) -> str:
    """Write a difference of shares in percentage points, which always has a sign: `+1.2`."""
    return f"{100 * difference:+.1f}"


def coefficient(value: float) -> str:
    """Write a correlation or a kappa, to two decimals."""
    return f"{value:.2f}"


def p_value(p: float) -> str:
    """Write a p value, to two significant digits."""
    return f"{p:.2g}"


def mark(p: float | None) -> str:
    """Write a star where a p value tells a difference from chance."""
    return "*" if p is not None and p < SIGNIFICANT else ""


def interval(
    low: float | None, high: float | None, write: Write = percent, to: str = " to "
) -> str:
    """Write the two ends of an interval: `70.0 to 72.5`; empty if there is none."""
    return "" if low is None or high is None else f"{write(low)}{to}{write(high)}"


def with_interval(
    number: Estimate | Proportion | None, write: Write = percent, unit: str = "", to: str = " to "
) -> str:
    """Write a number with its unit, and the 95 % interval if it has one: `71.3 % (70.0 to 72.5)`.

    `write` writes the number and the ends of its interval, between which stands `to`.
    """
    if number is None:
        return MISSING
    ends = interval(number.low, number.high, write, to)
    return f"{write(number.value)}{unit}" + (f" ({ends})" if ends else "")


def in_percent(share: Estimate | Proportion | None) -> str:
    """Write a share with its 95 % interval: `71.3 % (70.0 to 72.5)`."""
    return with_interval(share, percent, " %")


def in_points(difference: Estimate | None, p: float | None = None) -> str:
    """Write a difference of shares with its `mark` and interval: `+1.2* points (+0.4 to +2.0)`."""
    return with_interval(difference, points, f"{mark(p)} points")


def bounds_words(bounds: Bounds) -> str:
    """Write a number, or the bounds between which it lies, rounded outwards."""
    if bounds.low == bounds.high:
        return f"{bounds.low.value:.3f}"
    low = f"{math.floor(1000 * bounds.low.value) / 1000:.3f}"
    if bounds.high is None:
        return f">={low}"
    return f"{low}-{math.ceil(1000 * bounds.high.value) / 1000:.3f}"


def crossing_phrase(crossing: Crossing, ladder: Ladder) -> str:
    """Write a crossing for a sentence: `sigma 3`, or `beyond the last, sigma 9`."""
    if crossing.value is not None:
        return f"{ladder.parameter} {crossing.value:.3g}"
    return f"{crossing.place}, {ladder.parameter} {_passed_end(crossing, ladder)}"


def crossing_cell(crossing: Crossing | None, ladder: Ladder) -> str:
    """Write a crossing for a table whose heading names the parameter: `3`, or `not up to 9`."""
    if crossing is None:
        return MISSING
    if crossing.value is not None:
        return f"{crossing.value:.3g}"
    end = _passed_end(crossing, ladder)
    if crossing.place == "below the first":
        return f"milder than {end}"
    return f"not {'down' if ladder.values[0] > ladder.values[-1] else 'up'} to {end}"


def _passed_end(crossing: Crossing, ladder: Ladder) -> Value | None:
    """Give the scored level at the end of the ladder beyond which a crossing lies."""
    end = 0 if crossing.place == "below the first" else -1
    return scored_levels(ladder.distortion)[end].value


def parameters(count: int, million: str = "million") -> str:
    """Write a number of parameters as people say it: `25.6 million`."""
    if count < 1_000_000:
        return f"{count:,}"
    millions = count / 1_000_000
    return f"{millions:,.0f} {million}" if millions >= 100 else f"{millions:.3g} {million}"


def input_size(size: tuple[int, int] | None, times: str = TIMES) -> str:
    """Write an input's height and width in pixels; `varies` if they are not fixed."""
    return "varies" if size is None else f"{size[0]}{times}{size[1]}"


def span(first: int, last: int) -> str:
    """Write the ranks from the first to the last: `2 to 3`, or `2` if they are the same."""
    return f"{first}" if first == last else f"{first} to {last}"
