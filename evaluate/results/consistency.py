"""Measure whether two networks fail on the same images more often than accuracy explains.

This error consistency is Cohen's kappa of correctness (Geirhos, Meding & Wichmann 2020). Two
networks that are each right on 80 % of the images agree on 68 % by chance alone. Kappa is 0 if they
agree just as often, and 1 if they agree on all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry_scores import Estimate, FiniteModel
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.scores import scored_columns
from imagenetq.evaluate.results.statistics import (
    Statistic,
    average,
    difference,
    estimate,
    mean,
    ratio,
)
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, scored_variants

FEWEST = 5
"""Smallest number of images that chance must give to each of the four cases (both networks right,
only the first, only the second, neither) for a large-sample interval."""

Right = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Whether each answer of the first and of the second network is right; each of shape (n, m), for n
photographs in m variants."""


class Consistency(FiniteModel):
    """The error consistency of two networks over the same photographs, -1 to 1.

    Intervals hold for large samples. Where chance would give fewer than five images to one of the
    four cases (both networks right, only the first, only the second, neither), there is a value,
    but no standard error and no interval.
    """

    variants: dict[str, Estimate | None]
    """Kappa on clean and on each scored variant that both networks answered, in ladder order; None
    where both are right on every image, or both on none, so that they cannot disagree."""

    distortions: dict[str, Estimate | None]
    """Kappa on each of the five distortions, over its scored levels; None if a level is missing, or
    if the networks cannot disagree on any."""

    mean: Estimate | None
    """Mean of the five distortions' kappas; None if one of them is None."""


def consistency(first: Predictions, second: Predictions) -> Consistency:
    """Compute the error consistency of two networks on each variant and distortion."""
    if not second.has_images_of(first):
        raise EntryError(
            "no error consistency: the first result and result 2 are of different images "
            f"({first.n_images} and {second.n_images})"
        )
    ladders = {
        ladder.distortion: _scored_answers(first, second, ladder.distortion) for ladder in LADDERS
    }
    return Consistency(
        variants={
            name: kappa_estimate(_right(first, name), _right(second, name))
            for name in compared_variants(first, second)
        },
        distortions={
            name: None if right is None else kappa_estimate(*right)
            for name, right in ladders.items()
        },
        mean=_mean([right for right in ladders.values() if right is not None]),
    )


def compared_variants(first: Predictions, second: Predictions) -> list[str]:
    """List clean and the scored variants that both networks answered, in ladder order.

    Only scored variants are taken, since contrast-1.0 is the clean image again and contrast-0.0
    shows nothing to recognise.
    """
    names = [CLEAN, *(v.name for v in scored_variants())]
    return [name for name in names if name in first.variants and name in second.variants]


def kappa(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Statistic | None:
    """Compute Cohen's kappa of two networks' correctness, over one variant or several.

    It is 1 - (share of images on which just one network is right) / (that share if the networks
    were independent). Over several variants both shares are summed first. So a level counts by how
    much disagreement it allows, and levels that differ in difficulty do not count as agreement.
    Kappa is None if no disagreement is possible: both always right or both always wrong. Both
    arguments have shape (n, variants).
    """
    n = len(one)
    shares = [right.sum(axis=0) / n for right in (one, other)]
    expected = shares[0] * (1 - shares[1]) + shares[1] * (1 - shares[0])
    # Each photograph moves the expected disagreement, too, through both accuracies.
    influence = (one - shares[0]) @ (1 - 2 * shares[1]) + (other - shares[1]) @ (1 - 2 * shares[0])
    disagreement = ratio(
        mean((one != other).sum(axis=1)), Statistic(float(expected.sum()), influence)
    )
    if disagreement is None:
        return None
    return difference(Statistic(1.0, np.zeros(n)), disagreement)


def kappa_estimate(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Estimate | None:
    """Compute `kappa` with its 95 % interval, which is None for samples that are too small."""
    statistic = kappa(one, other)
    return None if statistic is None else _estimate(statistic, [(one, other)])


def _mean(ladders: Sequence[Right]) -> Estimate | None:
    kappas = [kappa(*right) for right in ladders]
    known = [statistic for statistic in kappas if statistic is not None]
    return None if len(known) < len(LADDERS) else _estimate(average(known), ladders)


def _estimate(statistic: Statistic, samples: Sequence[Right]) -> Estimate:
    """Give the interval only if all samples that the statistic is of are large enough."""
    known = estimate(statistic)
    if all(_is_large(*right) for right in samples):
        return known
    return Estimate(value=known.value, standard_error=None, low=None, high=None)


def _is_large(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Tell whether chance gives at least `FEWEST` images to each of the four cases."""
    p, q = one.mean(axis=0), other.mean(axis=0)
    by_chance = (p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q))
    return all(len(one) * float(share.sum()) >= FEWEST for share in by_chance)


def _scored_answers(first: Predictions, second: Predictions, distortion: str) -> Right | None:
    """Tell for both networks where they are right; None if a scored level was not evaluated."""
    columns = [scored_columns(predictions, distortion) for predictions in (first, second)]
    if columns[0] is None or columns[1] is None:
        return None
    return first.correct(1)[:, columns[0]], second.correct(1)[:, columns[1]]


def _right(predictions: Predictions, name: str) -> NDArray[np.bool_]:
    """Tell which answers to a variant are right; shape (n, 1)."""
    return predictions.correct(1)[:, [predictions.variants.index(name)]]
