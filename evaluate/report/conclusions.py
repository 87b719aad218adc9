"""Find which distortions hurt networks most, where accuracy falls, and how networks compare.

The paper says this of its curves in words; here it is computed.
Nothing is ranked that the data do not tell apart. Differences are paired over the n photographs.
Their p values come from Student's t test of the mean difference, and are at least 2^(1-n), as in a
sign test. They are corrected by Holm's method over all comparisons that are looked at together.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

import numpy as np
from pydantic import Field

from imagenetq.entry_scores import Crossing, Estimate, FiniteModel, Proportion, Share
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.report.network_table import table1
from imagenetq.evaluate.results.basis import doubt_about
from imagenetq.evaluate.results.comparison import compare
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import clean_accuracy, distortion_mean, relative_score
from imagenetq.evaluate.results.statistics import (
    SIGNIFICANT,
    Statistic,
    difference,
    estimate,
    holm,
    ratio,
    tidy,
)
from imagenetq.predictions import Predictions
from imagenetq.specification import LADDERS

Place = Annotated[int, Field(ge=1)]


class Sensitivity(FiniteModel):
    """One network's sensitivity to one distortion."""

    distortion: str
    """Name of the distortion."""

    relative: Estimate
    """Mean top-1 accuracy over the distortion's scored levels, divided by clean accuracy."""

    first_place: Place
    """Smallest place that the distortion can have, where place 1 leaves the least accuracy. All
    distortions that are not told apart from it are taken to leave more."""

    last_place: Place
    """Largest place that the distortion can have. All distortions that are not told apart from it
    are taken to leave less. It equals `first_place` where the place is certain."""


class NetworkFindings(FiniteModel):
    """What is found of one network."""

    name: str
    """Name of the network, different from all others."""

    parameters: int
    """Number of parameters."""

    convolutional: int | None
    """Number of convolutional layers on the longest path; None if not known."""

    fully_connected: int | None
    """Number of fully connected layers on the longest path; None if not known."""

    clean: Proportion | None
    """Top-1 accuracy on clean images; None if they were not evaluated."""

    relative_score: Estimate | None
    """The ImageNet-Q score divided by clean top-1 accuracy; None if it is not known."""

    sensitivities: tuple[Sensitivity, ...]
    """Sensitivities to the distortions of which all scored levels were evaluated; the distortion
    that leaves the least accuracy comes first."""

    falls: dict[str, Crossing | None]
    """For each distortion, where top-1 accuracy first falls to 90 % of clean; None if it is not
    known."""

    @property
    def layers(self) -> int | None:
        """Number of layers on the longest path; None if not known."""
        if self.convolutional is None or self.fully_connected is None:
            return None
        return self.convolutional + self.fully_connected


class Pair(FiniteModel):
    """The difference of two networks' relative scores."""

    first: str
    """Name of the network with the higher relative score."""

    second: str
    """Name of the other network."""

    difference: Estimate
    """Relative score of the first less that of the second, paired over photographs."""

    p_holm: Share
    """The p value of the difference, corrected by Holm's method over all pairs."""

    @property
    def is_told_apart(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p_holm < SIGNIFICANT


class Findings(FiniteModel):
    """What is found of all results together."""

    dataset_version: str
    """Version of the dataset, MAJOR.MINOR.PATCH."""

    subset: str | None
    """Subset of the dataset; None if it is none of the named ones."""

    n_images: int
    """Number of photographs."""

    demonstration: str | None
    """A sentence on why the results are only a demonstration; None if they are more."""

    networks: tuple[NetworkFindings, ...]
    """The networks, in the order of the results."""

    pairs: tuple[Pair, ...]
    """All pairs of networks whose relative scores are known."""

    warnings: tuple[str, ...]
    """The entries' own warnings, and reasons why networks may differ that are not theirs."""


def findings(results: Sequence[Result], models: Sequence[Model] = ()) -> Findings:
    """Rank distortions for each network, find where accuracy falls, and compare the networks.

    Args:
        results: results on one dataset.
        models: the loaded networks, whose layers are counted.

    Raises:
        EntryError: the results are not of one dataset.
    """
    rows = table1(results, models)
    names = [row.name for row in rows]
    entry = results[0].entry
    return Findings(
        dataset_version=entry.dataset_version,
        subset=entry.subset,
        n_images=entry.n_images,
        demonstration=doubt_about(entry),
        networks=tuple(
            NetworkFindings(
                name=row.name,
                parameters=row.parameters,
                convolutional=row.convolutional,
                fully_connected=row.fully_connected,
                clean=row.top1,
                relative_score=result.scores.relative_score,
                sensitivities=_sensitivities(result.predictions),
                falls={
                    name: of_distortion.falls_to_90
                    for name, of_distortion in result.scores.distortions.items()
                },
            )
            for row, result in zip(rows, results, strict=True)
        ),
        pairs=_pairs(names, results),
        warnings=_warnings(names, results),
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
    sensitivities = []
    for name, share in sorted(left.items(), key=lambda item: item[1].value):
        others = [other for other in left if (name, other) in apart or (other, name) in apart]
        worse = sum(left[other].value < share.value for other in others)
        sensitivities.append(
            Sensitivity(
                distortion=name,
                relative=estimate(share),
                first_place=1 + worse,
                last_place=len(left) - (len(others) - worse),
            )
        )
    return tuple(sensitivities)


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
    """Compute the two-sided p value of a paired difference."""
    from scipy.stats import t

    error, n = estimate(gap).standard_error, len(gap.influence)
    if error is None or gap.value == 0:
        return 1.0
    # However equal the n differences are, all of them can have one sign by chance.
    least = math.ldexp(1.0, 1 - n)
    if error == 0:
        return least
    return max(least, float(2 * t.sf(abs(gap.value) / error, n - 1)))


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
