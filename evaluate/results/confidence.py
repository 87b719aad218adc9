"""Judge a network's probabilities by likelihood, Brier score and risk against coverage.

Each stored answer holds the probabilities of the five likeliest classes, and the probability and
rank of the true class. So the likelihood of the true class is known. The Brier score sums over all
1,000 classes; of the probabilities that are not stored, only the sum and the order are known.
Therefore the smallest and the greatest value are given that fit what is stored.
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
"""The smallest float32 that no device takes for 0; a probability stored as 0 is below it."""

_TOP = 5
_BOUND_TOLERANCE = 1e-6


class Bounds(FiniteModel):
    """The bounds of a mean over images, which may not be known more closely."""

    low: Estimate
    """Lower bound of the mean, with its 95 % interval."""

    high: Estimate | None
    """Upper bound of the mean, with its 95 % interval; the same as `low` where the mean is known,
    None where there is no upper bound."""


class ConfidenceScores(FiniteModel):
    """What a network's probabilities are worth on one variant."""

    negative_log_likelihood: Bounds
    """Mean of -ln p, where p is the true class's probability, in nats."""

    brier: Bounds
    """Mean over images of the sum over classes of (probability - truth)², 0 to 2."""

    risk_area: Share
    """Area under the risk-coverage curve, 0 to 1; lower is better."""


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """A risk-coverage curve: the share of wrong answers among those a network is surest of."""

    coverage: NDArray[np.float64]
    """Share of answers taken, k / n for k from 1 to n; float64 of shape (n,)."""

    risk: NDArray[np.float64]
    """Share of the k surest answers that are wrong; float64 of shape (n,)."""

    @property
    def area(self) -> float:
        """The mean of the risk over all coverages (Geifman, Uziel & El-Yaniv 2019)."""
        return math.fsum(self.risk.tolist()) / len(self.risk)


def confidence_scores(predictions: Predictions) -> dict[str, ConfidenceScores]:
    """Compute the scores of each variant evaluated, in ladder order."""
    return {
        name: ConfidenceScores(
            negative_log_likelihood=negative_log_likelihood(predictions.true_probability[:, i]),
            brier=brier(predictions, i),
            risk_area=tidy(risk_coverage(predictions, i).area),
        )
        for i, name in enumerate(predictions.variants)
    }


def negative_log_likelihood(probability: NDArray[np.float32]) -> Bounds:
    """Average -ln p of the true class; where a p is stored as 0, only a lower bound is known.

    The probabilities have shape (n,).
    """
    known = np.maximum(probability.astype(np.float64), SMALLEST)
    low = estimate(mean(-np.log(known)))
    return Bounds(low=low, high=low if (probability >= SMALLEST).all() else None)


def brier(predictions: Predictions, column: int) -> Bounds:
    """Compute bounds of a variant's Brier score.

    An image's Brier score is the sum of p² over all classes, less 2 p of the true class, plus 1.
    """
    true = predictions.true_probability[:, column].astype(np.float64)
    low, high = _sums_of_squares(
        predictions.top5_probability[:, column].astype(np.float64),
        true,
        predictions.true_rank[:, column],
    )
    low, high = (np.clip(squares - 2 * true + 1, 0, 2) for squares in (low, high))
    return Bounds(low=estimate(mean(low)), high=estimate(mean(high)))


def risk_coverage(predictions: Predictions, column: int) -> RiskCoverage:
    """Compute a variant's risk-coverage curve, taking the most confident answers first.

    Answers of equal confidence have no order. Each of them counts as wrong by the share of wrong
    ones among them, so that the curve is the mean over all their orders.
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
    """Bound the sum of p² over all classes from below and from above, for each image.

    The classes that are not stored lie between bounds. Those that rank above the true class lie
    between its probability and that of the fifth class. The others lie between 0 and the true
    class's probability, or that of the fifth where the true class is among the five. Their sum is
    given. So their squares add up to the least where all are as equal as the bounds allow, and to
    the most where as many as possible are at an upper bound.

    `top` holds the falling probabilities of the five likeliest classes, of shape (n, 5); all else
    has shape (n,).
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
    # The stored float32 may add up to a little less or more than 1, which could break the bounds.
    rest = np.clip(1 - known, n_above * floor, n_above * fifth + n_below * ceiling)
    spare = rest - n_above * floor

    # Values that are as equal as possible give the least. The upper ones are no lower than any
    # ceiling of the lower ones, so the lower ones are raised first.
    low_share = np.minimum(spare / np.maximum(n_below, 1), ceiling) * (n_below > 0)
    high_share = floor + (spare - n_below * low_share) / np.maximum(n_above, 1) * (n_above > 0)
    least = squares + n_below * low_share**2 + n_above * high_share**2

    # Values that are as unequal as possible give the most, so each is filled before the next.
    above, spare = _filled(spare, n_above, floor, fifth)
    below, _ = _filled(spare, n_below, np.zeros_like(floor), ceiling)
    return least, np.maximum(squares + above + below, least)


def _filled(
    spare: NDArray[np.float64],
    n: NDArray[np.int64],
    floor: NDArray[np.float64],
    ceiling: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Raise n values in turn from floor to ceiling, by as much as there is to spare.

    All arguments have shape (images,), and so have the two results: the sum of the values' squares,
    and what is left to spare.
    """
    room = ceiling - floor
    steps = np.divide(spare, room, out=np.full_like(spare, np.inf), where=room > 0)
    full = np.minimum(np.floor(steps + _BOUND_TOLERANCE), n)
    left = np.maximum(spare - full * room, 0)
    partial = np.where(full < n, np.minimum(left, room), 0)
    total = full * ceiling**2 + (n - full) * floor**2
    total += np.where(full < n, (floor + partial) ** 2 - floor**2, 0)
    return total, left - partial
