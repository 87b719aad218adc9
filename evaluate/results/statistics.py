"""Means over images with their standard errors, in arithmetic that repeats exactly.

A statistic carries, beside its value, how much each image moves it (its influence function). The
standard error then has one closed form for means, ratios (the delta method) and differences, and
differences of two models over the same images are paired by themselves.

Sums are correctly rounded (`math.fsum`), so neither the order of the images nor the machine
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

_DIGITS = 10


class Statistic(NamedTuple):
    """A number computed from n images."""

    value: float
    """The number."""

    influence: NDArray[np.float64]
    """For each image, n times what it contributes to the deviation from the true value, to first
    order; float64 of shape (n,), adding up to 0."""


def mean(values: NDArray[Any]) -> Statistic:
    """The mean of one value an image."""
    average = math.fsum(values.tolist()) / len(values)
    return Statistic(average, values.astype(np.float64) - average)


def ratio(above: Statistic, below: Statistic) -> Statistic | None:
    """One statistic divided by another over the same images; None if that is 0."""
    if below.value == 0:
        return None
    value = above.value / below.value
    return Statistic(value, (above.influence - value * below.influence) / below.value)


def difference(first: Statistic, second: Statistic) -> Statistic:
    """One statistic less another over the same images."""
    return Statistic(first.value - second.value, first.influence - second.influence)


def estimate(statistic: Statistic) -> Estimate:
    """The value with its standard error, s / sqrt(n), and the 95 % interval of Z of them.

    s is the sample standard deviation (n - 1) of the influences.
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
    """The same of a statistic that there may not be."""
    return None if statistic is None else estimate(statistic)


def average(statistics: Sequence[Statistic]) -> Statistic:
    """The mean of several statistics over the same images, each counting the same."""
    value = math.fsum(held.value for held in statistics) / len(statistics)
    return Statistic(value, np.mean([held.influence for held in statistics], axis=0))


def holm(p: NDArray[np.float64], n_tests: int | None = None) -> NDArray[np.float64]:
    """The p values corrected for the number of tests (Holm 1979): step-down Bonferroni.

    Args:
        p: of the tests.
        n_tests: how many there were, where those that are not in `p` gave 1; as many as `p` has
            if None.
    """
    n_tests = len(p) if n_tests is None else n_tests
    order = np.argsort(p, kind="stable")
    factors = n_tests - np.arange(len(p))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return corrected


def wilson(correct: int, total: int) -> Proportion:
    """A share with its 95 % Wilson score interval (Wilson 1927).

    The interval holds every p with |share - p| <= Z * sqrt(p * (1 - p) / total).
    """
    share = correct / total
    spread = Z**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if correct == 0 else centre - half
    high = 1.0 if correct == total else centre + half
    return Proportion(value=tidy(share), low=tidy(low), high=tidy(high))


def tidy(value: float) -> float:
    """Rounded to 10 significant digits, without a negative zero."""
    return float(f"{value:.{_DIGITS}g}") + 0.0
