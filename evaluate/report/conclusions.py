"""What the paper says of its curves in words, made definite: rankings, falls, depth.

Nothing is ranked that the data do not tell apart. Differences are paired over images; their p
values are Student's t of the mean difference, at least 2^(1-n) as of a sign test, corrected by
Holm's method over the family that is looked at together.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

import numpy as np
from pydantic import Field

from imagenetq.entry_scores import Crossing, Estimate, FiniteModel, Proportion, Share
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.report.entry_networks import match_networks
from imagenetq.evaluate.report.network_table import depth_of
from imagenetq.evaluate.results.basis import doubt_about, require_one_dataset
from imagenetq.evaluate.results.comparison import compare
from imagenetq.evaluate.results.names import network_names
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import clean_accuracy, distortion_mean, relative_score
from imagenetq.evaluate.results.statistics import Statistic, difference, estimate, holm, ratio, tidy
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS

SIGNIFICANT = 0.05

Place = Annotated[int, Field(ge=1)]


class Sensitivity(FiniteModel):
    """What a distortion leaves of one network's accuracy."""

    distortion: str
    """Which."""

    relative: Estimate
    """Mean top-1 accuracy over its scored levels, divided by clean accuracy."""

    first_place: Place
    """Its place among the distortions, the most sensitive first, if all that are not told apart
    from it were less sensitive .."""

    last_place: Place
    """.. and if all those were more sensitive; the same number where it is certain."""


class NetworkFindings(FiniteModel):
    """One network."""

    name: str
    """Of the network, different from all others'."""

    parameters: int
    """How many."""

    convolutional: int | None
    """Convolutional layers on the longest path; None if they are not known."""

    fully_connected: int | None
    """Likewise."""

    clean: Proportion | None
    """Top-1 accuracy on clean images."""

    relative_score: Estimate | None
    """The ImageNet-Q score divided by it."""

    sensitivities: tuple[Sensitivity, ...]
    """Of the distortions evaluated whole, the least accuracy left first."""

    falls: dict[str, Crossing | None]
    """For each distortion, where accuracy first falls to 90 % of clean."""

    @property
    def layers(self) -> int | None:
        """Layers on the longest path; None if they are not known."""
        if self.convolutional is None or self.fully_connected is None:
            return None
        return self.convolutional + self.fully_connected


class Pair(FiniteModel):
    """Two networks' relative scores."""

    first: str
    """The more robust network's name."""

    second: str
    """The other's."""

    difference: Estimate
    """First less second, paired over images."""

    p_holm: Share
    """Corrected over all pairs."""

    @property
    def is_told_apart(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p_holm < SIGNIFICANT


class Findings(FiniteModel):
    """What all results together say."""

    dataset_version: str
    """MAJOR.MINOR.PATCH."""

    subset: str | None
    """Of the dataset; None if it is none of the named ones."""

    n_images: int
    """How many."""

    demonstration: str | None
    """Why it is only one; None if it is more."""

    networks: tuple[NetworkFindings, ...]
    """In the order of the results."""

    pairs: tuple[Pair, ...]
    """Of networks whose relative scores are known."""

    warnings: tuple[str, ...]
    """What the entries warn of, and why networks may differ for other reasons."""


def findings(results: Sequence[Result], models: Sequence[Model] = ()) -> Findings:
    """Rank distortions for each network, find where accuracy falls, and compare the networks.

    Args:
        results: of one dataset.
        models: the networks that are at hand, which tell their layers.

    Raises:
        UsageError: there are no results.
        EntryError: they are not of one dataset.
    """
    require_one_dataset(results)
    names = network_names(results)
    entry = results[0].entry
    matched = match_networks(results, models)
    return Findings(
        dataset_version=entry.dataset_version,
        subset=entry.subset,
        n_images=entry.n_images,
        demonstration=doubt_about(entry),
        networks=tuple(
            _of_network(name, result, model)
            for name, result, model in zip(names, results, matched, strict=True)
        ),
        pairs=_pairs(names, results),
        warnings=_warnings(names, results),
    )


def _of_network(name: str, result: Result, model: Model | None) -> NetworkFindings:
    depth = None if model is None else depth_of(model)
    clean = result.scores.variants.get(CLEAN)
    return NetworkFindings(
        name=name,
        parameters=result.entry.model.parameters,
        convolutional=None if depth is None else depth.convolutional,
        fully_connected=None if depth is None else depth.fully_connected,
        clean=None if clean is None else clean.top1,
        relative_score=result.scores.relative_score,
        sensitivities=_sensitivities(result.predictions),
        falls={
            ladder.distortion: result.scores.distortions[ladder.distortion].falls_to_90
            for ladder in LADDERS
        },
    )


def _sensitivities(predictions: Predictions) -> tuple[Sensitivity, ...]:
    clean = clean_accuracy(predictions)
    left: dict[str, Statistic] = {}
    for ladder in LADDERS:
        mean = distortion_mean(predictions, ladder.distortion)
        share = None if mean is None or clean is None else ratio(mean, clean)
        if share is not None:
            left[ladder.distortion] = share
    pairs = list(combinations(left, 2))
    p = holm(np.array([_p(difference(left[one], left[other])) for one, other in pairs]))
    apart = {pair for pair, value in zip(pairs, p.tolist(), strict=True) if value < SIGNIFICANT}
    found = []
    for name, share in sorted(left.items(), key=lambda item: item[1].value):
        told = [other for other in left if (name, other) in apart or (other, name) in apart]
        worse = sum(left[other].value < share.value for other in told)
        found.append(
            Sensitivity(
                distortion=name,
                relative=estimate(share),
                first_place=1 + worse,
                last_place=len(left) - (len(told) - worse),
            )
        )
    return tuple(found)


def _pairs(names: Sequence[str], results: Sequence[Result]) -> tuple[Pair, ...]:
    scores = {
        name: share
        for name, result in zip(names, results, strict=True)
        if (share := relative_score(result.predictions)) is not None
    }
    by_strength = sorted(scores, key=lambda name: -scores[name].value)
    pairs = list(combinations(by_strength, 2))
    gaps = [difference(scores[one], scores[other]) for one, other in pairs]
    corrected = holm(np.array([_p(gap) for gap in gaps])).tolist()
    return tuple(
        Pair(first=one, second=other, difference=estimate(gap), p_holm=tidy(p))
        for (one, other), gap, p in zip(pairs, gaps, corrected, strict=True)
    )


def _p(gap: Statistic) -> float:
    """The two-sided p value of a paired difference."""
    from scipy.stats import t

    found, n = estimate(gap), len(gap.influence)
    if found.standard_error is None or gap.value == 0:
        return 1.0
    # However equal the images' differences are, so few of them can all have one sign by chance.
    least = math.ldexp(1.0, 1 - n)
    if found.standard_error == 0:
        return least
    return max(least, float(2 * t.sf(abs(gap.value) / found.standard_error, n - 1)))


def _warnings(names: Sequence[str], results: Sequence[Result]) -> tuple[str, ...]:
    own = [
        f"{name}: {warning}"
        for name, result in zip(names, results, strict=True)
        for warning in result.entry.warnings
    ]
    between = [
        f"{names[0]} and {name}: {warning}"
        for name, result in zip(names[1:], results[1:], strict=True)
        for warning in compare(results[0], result).warnings
    ]
    return tuple(own + between)
