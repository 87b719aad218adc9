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
    optional_estimate,
    ratio,
)
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, scored_variants

FEWEST = 5
"""Smallest number of images that chance must give to each of the four cases (both networks right,
only the first, only the second, neither) for a large-sample interval."""

_Answers = tuple[NDArray[np.bool_], NDArray[np.bool_]]


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
    require_same_images([first, second])
    answers = {
        ladder.distortion: _scored_answers(first, second, ladder.distortion) for ladder in LADDERS
    }
    distortions = {
        name: None if held is None else kappa_estimate(*held) for name, held in answers.items()
    }
    return Consistency(
        variants={
            name: kappa_estimate(_right(first, name), _right(second, name))
            for name in compared_variants(first, second)
        },
        distortions=distortions,
        mean=_mean([held for held in answers.values() if held is not None]),
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
    shares = [held.sum(axis=0) / n for held in (one, other)]
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
    found = optional_estimate(kappa(one, other))
    if found is None or _is_large(one, other):
        return found
    return _without_interval(found)


def require_same_images(held: Sequence[Predictions]) -> None:
    """Refuse predictions that are not all over the same photographs."""
    for place, predictions in enumerate(held[1:], 2):
        if not predictions.has_images_of(held[0]):
            raise EntryError(
                f"no error consistency: the first result and result {place} are of different "
                f"images ({held[0].n_images} and {predictions.n_images})"
            )


def _mean(answers: Sequence[_Answers]) -> Estimate | None:
    found = [held for one, other in answers if (held := kappa(one, other)) is not None]
    if len(found) < len(LADDERS):
        return None
    whole = estimate(average(found))
    if all(_is_large(one, other) for one, other in answers):
        return whole
    return _without_interval(whole)


def _is_large(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Tell whether chance gives at least `FEWEST` images to each of the four cases."""
    p, q = one.mean(axis=0), other.mean(axis=0)
    by_chance = (p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q))
    return all(len(one) * float(share.sum()) >= FEWEST for share in by_chance)


def _without_interval(found: Estimate) -> Estimate:
    return Estimate(value=found.value, standard_error=None, low=None, high=None)


def _scored_answers(first: Predictions, second: Predictions, distortion: str) -> _Answers | None:
    """Tell for both networks where they are right; None if a scored level was not evaluated."""
    columns = [scored_columns(held, distortion) for held in (first, second)]
    if columns[0] is None or columns[1] is None:
        return None
    return first.correct(1)[:, columns[0]], second.correct(1)[:, columns[1]]


def _right(predictions: Predictions, name: str) -> NDArray[np.bool_]:
    """Tell which answers to a variant are right; shape (n, 1)."""
    place = predictions.variants.index(name)
    return predictions.correct(1)[:, place : place + 1]
