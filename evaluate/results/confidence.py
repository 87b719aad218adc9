"""What a network's probabilities are worth: likelihood, Brier score, risk against coverage.

Of an answer the five likeliest classes' probabilities are stored, the true class's, and its rank.
So the likelihood of the true class is known. The Brier score sums over all 1,000 classes, of which
the rest is known by its sum and by its order alone: what is given is the least and the greatest
value that any probabilities with those known could have.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagenetq import classes
from imagenetq.entry_scores import Estimate, FiniteModel, Share
from imagenetq.evaluate.results.statistics import estimate, mean, tidy
from imagenetq.predictions import Predictions

SMALLEST = 2.0**-126
"""What is stored as 0 is below this: the least float32 that no device takes for 0."""

_TOP = 5
_BOUND_TOLERANCE = 1e-6


class Bounds(FiniteModel):
    """A mean over images that what is stored may determine only within bounds."""

    low: Estimate
    """It is at least this; with its 95 % interval."""

    high: Estimate | None
    """It is at most this; the same as `low` where it is known, and None where nothing bounds it."""


class ConfidenceScores(FiniteModel):
    """One variant."""

    negative_log_likelihood: Bounds
    """Mean of -ln of the true class's probability, in nats."""

    brier: Bounds
    """Mean over images of the sum over classes of (probability - truth)², 0 to 2."""

    risk_area: Share
    """Area under the risk-coverage curve, 0 to 1; less is better."""


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The share of wrong answers among those that a network is surest of."""

    coverage: NDArray[np.float64]
    """The share of answers given, k / n for k of 1 to n; float64 of shape (n,)."""

    risk: NDArray[np.float64]
    """The share of these k that are wrong; of the same shape."""

    @property
    def area(self) -> float:
        """The mean of the risk over all coverages (Geifman, Uziel & El-Yaniv 2019)."""
        return math.fsum(self.risk.tolist()) / len(self.risk)


def confidence_scores(predictions: Predictions) -> dict[str, ConfidenceScores]:
    """For each variant evaluated, in ladder order."""
    return {
        name: ConfidenceScores(
            negative_log_likelihood=negative_log_likelihood(predictions.true_probability[:, i]),
            brier=brier(predictions, i),
            risk_area=tidy(risk_coverage(predictions, i).area),
        )
        for i, name in enumerate(predictions.variants)
    }


def negative_log_likelihood(probability: NDArray[np.float32]) -> Bounds:
    """The mean of -ln p of the true class; where a p is stored as 0, only a least value is known.

    Args:
        probability: of the true class; shape (n,).
    """
    known = np.maximum(probability.astype(np.float64), SMALLEST)
    low = estimate(mean(-np.log(known)))
    return Bounds(low=low, high=low if (probability >= SMALLEST).all() else None)


def brier(predictions: Predictions, column: int) -> Bounds:
    """The Brier score of a variant: sum of p² over classes - 2 p of the true class + 1, averaged.

    Args:
        predictions: the answers.
        column: the variant's place.
    """
    true = predictions.true_probability[:, column].astype(np.float64)
    low, high = _sums_of_squares(
        predictions.top5_probability[:, column].astype(np.float64),
        true,
        predictions.true_rank[:, column],
    )
    bounds = [estimate(mean(np.clip(held - 2 * true + 1, 0, 2))) for held in (low, high)]
    return Bounds(low=bounds[0], high=bounds[1])


def risk_coverage(predictions: Predictions, column: int) -> RiskCoverage:
    """The risk-coverage curve of a variant: answers in the order of their confidence.

    Answers of equal confidence have no order: each of them counts as wrong by the share of wrong
    ones among them, so that the curve is the mean over all their orders.

    Args:
        predictions: the answers.
        column: the variant's place.
    """
    confidence = predictions.confidence[:, column]
    wrong = ~predictions.correct(1)[:, column]
    _, block, size = np.unique(-confidence, return_inverse=True, return_counts=True)
    errors = np.bincount(block, weights=wrong)
    before = np.cumsum(errors) - errors
    rank_in_block = np.arange(1, len(wrong) + 1) - np.repeat(np.cumsum(size) - size, size)
    failed = np.repeat(before, size) + rank_in_block * np.repeat(errors / size, size)
    answered = np.arange(1, len(wrong) + 1)
    return RiskCoverage(answered / len(wrong), failed / answered)


def _sums_of_squares(
    top: NDArray[np.float64], true: NDArray[np.float64], rank: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest sum over all classes of p².

    Of the classes that are not stored, those that rank above the true one have from its
    probability to the fifth's, the others from 0 to the true one's, or to the fifth's where the
    true class is among the five. With their sum given, squares add up to the least where all are as
    equal as these bounds let them, and to the most where as many as can be are at an upper bound.

    Args:
        top: of the five likeliest classes; shape (n, 5).
        true: of the true class; shape (n,).
        rank: of the true class; shape (n,).
    """
    outside = rank > _TOP
    fifth = top[:, -1]
    known = top.sum(axis=1) + np.where(outside, true, 0)
    squares = (top**2).sum(axis=1) + np.where(outside, true**2, 0)
    n_rest = len(classes.wnids()) - _TOP - outside
    n_above = np.where(outside, rank - _TOP - 1, 0)
    n_below = n_rest - n_above
    floor = np.where(outside, np.minimum(true, fifth), 0)
    ceiling = np.where(outside, floor, fifth)
    # What float32's rounding lets the sum lack or exceed is within these bounds, too.
    rest = np.clip(1 - known, n_above * floor, n_above * fifth + n_below * ceiling)
    spare = rest - n_above * floor

    # The least: the lower ones first, up to their ceiling; then the upper ones share what is left.
    low_share = np.minimum(spare / np.maximum(n_below, 1), ceiling) * (n_below > 0)
    high_share = floor + (spare - n_below * low_share) / np.maximum(n_above, 1) * (n_above > 0)
    least = squares + n_below * low_share**2 + n_above * high_share**2

    # The most: fill the upper ones one by one, then the lower ones.
    above, spare = _filled(spare, n_above, floor, fifth)
    below, _ = _filled(spare, n_below, np.zeros_like(floor), ceiling)
    return least, np.maximum(squares + above + below, least)


def _filled(
    spare: NDArray[np.float64],
    n: NDArray[np.int64],
    floor: NDArray[np.float64],
    ceiling: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sum of squares of n values from floor to ceiling, raised in turn; and what is left."""
    room = ceiling - floor
    steps = np.divide(spare, room, out=np.full_like(spare, np.inf), where=room > 0)
    full = np.minimum(np.floor(steps + _BOUND_TOLERANCE), n)
    left = np.maximum(spare - full * room, 0)
    partial = np.where(full < n, np.minimum(left, room), 0)
    total = full * ceiling**2 + (n - full) * floor**2
    total += np.where(full < n, (floor + partial) ** 2 - floor**2, 0)
    return total, left - partial
