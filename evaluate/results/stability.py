"""Measure how stable a ranking is: over smaller subsets, other classes and other scores."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagenetq.entry_scores import Estimate, FiniteModel, Share
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.scores import (
    clean_accuracy,
    distortion_mean,
    image_scores,
    relative_score,
    score,
)
from imagenetq.evaluate.results.statistics import Statistic, Z, estimate, mean, tidy
from imagenetq.predictions import Predictions
from imagenetq.selection import rank_key
from imagenetq.specification import LADDERS

N_RESAMPLES = 2000
"""Number of resamples of the bootstrap over classes."""

FEWEST_FOR_CORRELATION = 3
"""Smallest number of networks that give a correlation; two always lie on a line."""

_FEWEST_FOR_INTERVAL = 4
_KEY = 1604_04004
_DECIMALS = 12

Rank = Annotated[int, Field(ge=1)]


class NetworkStability(FiniteModel):
    """One network's score and rank, and how they move when other classes are drawn."""

    name: str
    """Name of the network."""

    score: Estimate
    """The network's ImageNet-Q score, with the interval over photographs."""

    low: float
    """The score's 2.5 % quantile over the resamples."""

    high: float
    """The score's 97.5 % quantile over the resamples."""

    rank: Rank
    """Rank by the score: 1, and one more for each network with a higher score."""

    lowest_rank: Rank
    """The rank's 2.5 % quantile over the resamples."""

    highest_rank: Rank
    """The rank's 97.5 % quantile over the resamples."""

    rank_shares: tuple[Share, ...]
    """The share of resamples that give each rank, from rank 1 on."""


class SubsetRanking(FiniteModel):
    """Scores and ranks over some of the photographs."""

    n_images: int
    """Number of photographs."""

    scores: tuple[float, ...]
    """The networks' ImageNet-Q scores, in the order of the results."""

    ranks: tuple[Rank, ...]
    """The networks' ranks by these scores."""

    tau: float | None
    """Kendall's tau-b between these scores and those over all photographs; None for fewer than two
    networks, or where all scores of one of the two kinds are equal."""


class Correlation(FiniteModel):
    """The correlation of two scores over networks."""

    first: str
    """Name of the first score."""

    second: str
    """Name of the second score."""

    n_networks: int
    """Number of networks that have both scores."""

    pearson: float | None
    """Pearson's correlation; None for fewer than three networks, or where a score is constant."""

    low: float | None
    """Lower end of the correlation's 95 % interval (Fisher's z); None for fewer than four networks,
    or where `pearson` is None, -1 or 1."""

    high: float | None
    """Upper end of the interval; None where `low` is."""

    tau: float | None
    """Kendall's tau-b; None where `pearson` is."""


class Stability(FiniteModel):
    """The stability of a ranking of networks."""

    n_classes: int
    """Number of classes that have photographs."""

    n_resamples: int
    """Number of resamples of the bootstrap over classes."""

    networks: tuple[NetworkStability, ...]
    """The networks, in the order of the results."""

    nested: tuple[SubsetRanking, ...]
    """Rankings over the first photographs of each class: over one per class (`mini`), over two, and
    so on up to all that there are (ten in `full`)."""

    slices: tuple[SubsetRanking, ...]
    """Rankings over one photograph of each class: over the first alone (`mini`), over the second
    alone, and so on. No two of them share a photograph."""

    correlations: tuple[Correlation, ...]
    """Correlations of clean accuracy with the ImageNet-Q score, the relative score and the
    distortions' means, and of each score of another benchmark with all of these."""


def stability(
    names: Sequence[str],
    predictions: Sequence[Predictions],
    others: Mapping[str, Sequence[float | None]] | None = None,
) -> Stability:
    """Measure how scores and ranks move, and how scores correlate over networks.

    The predictions are over the same photographs. `others` are scores in other benchmarks by their
    name, one per network; None where a network has none.
    """
    values = np.stack([_values(*pair) for pair in zip(names, predictions, strict=True)])
    labels = predictions[0].labels
    number = number_in_class(predictions[0])
    whole = _means(values)
    n_most = int(number.max()) + 1
    return Stability(
        n_classes=len(np.unique(labels)),
        n_resamples=N_RESAMPLES,
        networks=_networks(names, values, labels),
        nested=tuple(_subset(values[:, number < n], whole) for n in range(1, n_most + 1)),
        slices=tuple(_subset(values[:, number == n], whole) for n in range(n_most)),
        correlations=tuple(_correlations(predictions, others or {})),
    )


def number_in_class(predictions: Predictions) -> NDArray[np.int64]:
    """Number the photographs of each class from 0, in the order in which subsets take them."""
    numbers = np.zeros(predictions.n_images, np.int64)
    keys = np.array([rank_key(image_id) for image_id in predictions.image_ids])
    for label in np.unique(predictions.labels):
        members = np.flatnonzero(predictions.labels == label)
        numbers[members[np.argsort(keys[members])]] = np.arange(len(members))
    return numbers


def resampled_scores(
    values: NDArray[np.float64], labels: NDArray[np.int16], n_resamples: int = N_RESAMPLES
) -> NDArray[np.float64]:
    """Average values over classes drawn with replacement, all photographs of a class together.

    Each draw takes as many classes as there are. The draws are the same every time, on every
    machine. The values have shape (networks, n), the result has (n_resamples, networks).
    """
    _, of_class = np.unique(labels, return_inverse=True)
    n_classes = int(of_class.max()) + 1
    raw = np.random.Philox(key=_KEY).random_raw(n_resamples * n_classes)
    drawn = (raw % np.uint64(n_classes)).astype(np.int64).reshape(n_resamples, n_classes)
    cells = drawn + n_classes * np.arange(n_resamples)[:, None]
    times = np.bincount(cells.ravel(), minlength=n_resamples * n_classes)
    times = times.reshape(n_resamples, n_classes).astype(np.float64)
    sums = np.stack([np.bincount(of_class, weights=of_network) for of_network in values], axis=1)
    scores: NDArray[np.float64] = (times @ sums) / (times @ np.bincount(of_class))[:, None]
    return scores


def ranks(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank scores along the last axis: 1, and one more for each higher score."""
    # Sums in another order differ in their last digits, which must not decide ranks.
    rounded = np.round(scores, _DECIMALS)
    ranked: NDArray[np.int64] = 1 + (rounded[..., None, :] > rounded[..., :, None]).sum(axis=-1)
    return ranked


def _values(name: str, predictions: Predictions) -> NDArray[np.float64]:
    values = image_scores(predictions)
    if values is None:
        raise EntryError(f"{name} has no ImageNet-Q score, which needs all 49 scored variants")
    return values


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([math.fsum(of_network) / len(of_network) for of_network in values.tolist()])


def _networks(
    names: Sequence[str], values: NDArray[np.float64], labels: NDArray[np.int16]
) -> tuple[NetworkStability, ...]:
    drawn = resampled_scores(values, labels)
    drawn_ranks, own_ranks = ranks(drawn), ranks(_means(values))
    networks = []
    for i, name in enumerate(names):
        low, high = np.quantile(drawn[:, i], [0.025, 0.975])
        ends = np.quantile(drawn_ranks[:, i], [0.025, 0.975], method="inverted_cdf")
        counts = np.bincount(drawn_ranks[:, i], minlength=len(names) + 1)[1:]
        networks.append(
            NetworkStability(
                name=name,
                score=estimate(mean(values[i])),
                low=tidy(float(low)),
                high=tidy(float(high)),
                rank=int(own_ranks[i]),
                lowest_rank=int(ends[0]),
                highest_rank=int(ends[1]),
                rank_shares=tuple(tidy(share) for share in (counts / len(drawn)).tolist()),
            )
        )
    return tuple(networks)


def _subset(values: NDArray[np.float64], whole: NDArray[np.float64]) -> SubsetRanking:
    scores = _means(values)
    return SubsetRanking(
        n_images=values.shape[1],
        scores=tuple(tidy(score) for score in scores.tolist()),
        ranks=tuple(ranks(scores).tolist()),
        tau=kendall_tau(scores, whole),
    )


def _correlations(
    predictions: Sequence[Predictions], others: Mapping[str, Sequence[float | None]]
) -> list[Correlation]:
    ours: dict[str, list[float | None]] = {
        "ImageNet-Q score": [_value(score(one)) for one in predictions],
        "relative score": [_value(relative_score(one)) for one in predictions],
    }
    for ladder in LADDERS:
        ours[f"{ladder.distortion} mean"] = [
            _value(distortion_mean(one, ladder.distortion)) for one in predictions
        ]
    clean = {"clean top-1": [_value(clean_accuracy(one)) for one in predictions]}
    pairs = [
        *product(clean.items(), ours.items()),
        *product(others.items(), (clean | ours).items()),
    ]
    return [_correlation(first, one, second, other) for (first, one), (second, other) in pairs]


def _value(statistic: Statistic | None) -> float | None:
    return None if statistic is None else statistic.value


def _correlation(
    first: str, one: Sequence[float | None], second: str, other: Sequence[float | None]
) -> Correlation:
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    a, b = np.array(pairs, np.float64).reshape(-1, 2).T
    pearson = tau = low = high = None
    if len(pairs) >= FEWEST_FOR_CORRELATION and np.ptp(a) > 0 and np.ptp(b) > 0:
        pearson = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
        tau = kendall_tau(a, b)
        if len(pairs) >= _FEWEST_FOR_INTERVAL and abs(pearson) < 1:
            half = Z / math.sqrt(len(pairs) - 3)
            low, high = (tidy(math.tanh(math.atanh(pearson) + side * half)) for side in (-1, 1))
    return Correlation(
        first=first,
        second=second,
        n_networks=len(pairs),
        pearson=None if pearson is None else tidy(pearson),
        low=low,
        high=high,
        tau=tau,
    )


def kendall_tau(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Compute Kendall's tau-b of two scores over networks, each of shape (networks,).

    It is None for fewer than two networks, or where all values of one of the scores are equal.
    """
    upper = np.triu_indices(len(one), 1)
    signs = [
        np.sign(np.round(score[:, None] - score[None, :], _DECIMALS))[upper]
        for score in (one, other)
    ]
    untied = [float(np.abs(of_score).sum()) for of_score in signs]
    if not all(untied):
        return None
    return tidy(float((signs[0] * signs[1]).sum()) / math.sqrt(untied[0] * untied[1]))
