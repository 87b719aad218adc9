"""Compute means over photographs with their standard errors, in arithmetic that repeats exactly.

Beside its value, a statistic carries how much each photograph moves it (its influence function).
The standard error then has one closed form for means, ratios (the delta method) and differences,
and differences of two models over the same photographs need no further step to be paired.

Sums are correctly rounded (`math.fsum`), so neither the order of the photographs nor the machine
changes a digit.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry_scores import Estimate, Proportion

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: 95 % of it lies within -Z and Z."""

SIGNIFICANT = 0.05
"""The p value, corrected for the number of tests, below which a difference is more than chance."""

_DIGITS = 10


class Statistic(NamedTuple):
    """A number computed from n photographs."""

    value: float
    influence: NDArray[np.float64]
    """For each photograph, n times what it contributes to the deviation from the true value, to
    first order; float64 of shape (n,), adding up to 0."""


def mean(values: NDArray[Any]) -> Statistic:
    """Average values of shape (n,), one per photograph."""
    average = math.fsum(values.tolist()) / len(values)
    return Statistic(average, values.astype(np.float64) - average)


def ratio(above: Statistic, below: Statistic) -> Statistic | None:
    """Divide a statistic by another over the same photographs; None if the divisor is 0."""
    if below.value == 0:
        return None
    value = above.value / below.value
    return Statistic(value, (above.influence - value * below.influence) / below.value)


def difference(first: Statistic, second: Statistic) -> Statistic:
    """Subtract a statistic from another over the same photographs."""
    return Statistic(first.value - second.value, first.influence - second.influence)


def estimate(statistic: Statistic) -> Estimate:
    """Give the value with its standard error and 95 % interval, which are None for n below 2.

    The standard error is s / sqrt(n), where s is the sample standard deviation (with n - 1) of the
    influences. The interval reaches Z standard errors to either side.
    """
    n = len(statistic.influence)
    if n < 2:
        return Estimate(value=tidy(statistic.value), standard_error=None, low=None, high=None)
    variance = math.fsum((statistic.influence**2).tolist()) / (n - 1)
    error = math.sqrt(variance / n)
    return Estimate(
        value=tidy(statistic.value),
        standard_error=tidy(error),
        low=tidy(statistic.value - Z * error),
        high=tidy(statistic.value + Z * error),
    )


def optional_estimate(statistic: Statistic | None) -> Estimate | None:
    """Do as `estimate` does; None if there is no statistic."""
    return None if statistic is None else estimate(statistic)


def average(statistics: Sequence[Statistic]) -> Statistic:
    """Average several statistics over the same photographs, each with the same weight."""
    value = math.fsum(one.value for one in statistics) / len(statistics)
    return Statistic(value, np.mean([one.influence for one in statistics], axis=0))


def holm(p: NDArray[np.float64], n_tests: int | None = None) -> NDArray[np.float64]:
    """Correct p values for the number of tests by step-down Bonferroni (Holm 1979).

    There may have been more tests than `p` holds; the others gave 1.
    """
    n_tests = len(p) if n_tests is None else n_tests
    order = np.argsort(p, kind="stable")
    factors = n_tests - np.arange(len(p))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return corrected


def wilson(correct: int, total: int) -> Proportion:
    """Give the share of correct answers with its 95 % Wilson score interval (Wilson 1927).

    The interval holds every p with |share - p| <= Z * sqrt(p * (1 - p) / total).
    """
    share = correct / total
    spread = Z**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    # There the formula gives exactly 0 and 1, but rounding may miss them.
    low = 0.0 if correct == 0 else centre - half
    high = 1.0 if correct == total else centre + half
    return Proportion(value=tidy(share), low=tidy(low), high=tidy(high))


def tidy(value: float) -> float:
    """Round to 10 significant digits, without a negative zero."""
    return float(f"{value:.{_DIGITS}g}") + 0.0
