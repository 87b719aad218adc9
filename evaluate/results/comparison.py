"""Compare two models on the same photographs: paired differences, and how sure they are."""

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagenetq.entry import Entry
from imagenetq.entry_scores import Estimate, FiniteModel, Share
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.consistency import (
    Consistency,
    Right,
    compared_variants,
    consistency,
)
from imagenetq.evaluate.results.labels import Labels
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import distortion_mean, relative_score, score
from imagenetq.evaluate.results.statistics import Statistic, difference, estimate, holm, mean, tidy
from imagenetq.predictions import Predictions
from imagenetq.specification import LADDERS

_SAME = {
    "dataset_version": "dataset versions",
    "specification_digest": "specifications",
    "source_digest": "source photographs",
    "subset": "subsets",
}


class VariantDifference(FiniteModel):
    """The difference of two models' top-1 accuracies on one variant."""

    difference: Estimate
    """Accuracy of the first model less that of the second, paired over images."""

    only_first: Annotated[int, Field(ge=0)]
    """Number of images that only the first model recognises."""

    only_second: Annotated[int, Field(ge=0)]
    """Number of images that only the second model recognises."""

    p: Share
    """The p value of the exact McNemar test."""

    p_holm: Share
    """`p` corrected over all variants tested (Holm 1979)."""


class LabelComparison(FiniteModel):
    """The differences of two models, first less second, by other labels than the data's own."""

    name: str
    """Name of the file of labels."""

    n_images: int
    """Number of photographs that have a label in the file; all differences are over these."""

    n_unlabelled: int
    """Number of photographs that have no label in the file and are left out."""

    mean: Estimate | None
    """Difference of the means over the five distortions; None where a variant is missing."""

    distortions: dict[str, Estimate | None]
    """Difference of each distortion's means; None where a level is missing."""

    variants: dict[str, VariantDifference]
    """Difference on clean and on each scored variant that both models were evaluated on, in ladder
    order."""


class Comparison(FiniteModel):
    """The differences of two models on the same photographs, first less second."""

    first: str
    """Name of the first model."""

    second: str
    """Name of the second model."""

    n_images: int
    """Number of photographs."""

    score: Estimate | None
    """Difference of the ImageNet-Q scores; None where a variant is missing."""

    relative_score: Estimate | None
    """Difference of the relative scores; None where one of them is None."""

    distortions: dict[str, Estimate | None]
    """Difference of each distortion's means; None where a level is missing."""

    means_p_holm: dict[str, Share]
    """The p values of `score`, `relative_score` and each of `distortions`, by these names and the
    distortions'. They come from the two-sided normal test of the paired difference, corrected over
    all of them (Holm 1979). Differences that are None, or over a single photograph, have none."""

    variants: dict[str, VariantDifference]
    """Difference on clean and on each scored variant that both models were evaluated on, in ladder
    order."""

    consistency: Consistency
    """Whether both models fail on the same images."""

    labels: LabelComparison | None = None
    """The differences by other labels; None if none were given."""

    warnings: tuple[str, ...]
    """Reasons why the differences may not come from the models alone."""


def compare(first: Result, second: Result, labels: Labels | None = None) -> Comparison:
    """Compare two results over the same photographs, and by other labels if they are given.

    Raises:
        EntryError: the results are not over the same photographs, or not in the same pixels.
        LabelsError: the labels are of other photographs.
    """
    require_same_data(first, second)
    one, other = first.predictions, second.predictions
    scores = {
        "score": _paired(score(one), score(other)),
        "relative_score": _paired(relative_score(one), relative_score(other)),
    }
    answers = (one.correct(1), other.correct(1))
    distortions = _distortion_differences(one, other, answers)
    return Comparison(
        first=first.entry.model.name,
        second=second.entry.model.name,
        n_images=one.n_images,
        score=scores["score"],
        relative_score=scores["relative_score"],
        distortions=distortions,
        means_p_holm=_means_p_holm(scores | distortions),
        variants=_variant_differences(one, other, answers),
        consistency=consistency(one, other),
        labels=None if labels is None else _by_labels(one, other, labels),
        warnings=tuple(_warnings(first.entry, second.entry)),
    )


def require_same_data(first: Result, second: Result) -> None:
    """Refuse two results that are not over the same photographs in the same pixels."""
    names = f"{first.entry.model.name} and {second.entry.model.name} cannot be compared"
    for field, noun in _SAME.items():
        one, other = getattr(first.entry, field), getattr(second.entry, field)
        if one != other:
            raise EntryError(f"{names}: they are of different {noun} ({one} and {other})")
    if not first.predictions.has_images_of(second.predictions):
        counts = f"{first.predictions.n_images} and {second.predictions.n_images}"
        raise EntryError(
            f"{names}: they are of different photographs ({counts}); use the same --limit"
        )


def mcnemar(only_first: NDArray[np.int64], only_second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the p values of exact two-sided McNemar tests.

    Under the hypothesis that both models are equally likely to be the only one that is right,
    `only_first` is binomial over the images on which they differ; p is twice the smaller tail, at
    most 1. The numbers of images that only one model recognises have shape (tests,).
    """
    from scipy.special import bdtr

    smaller = np.minimum(only_first, only_second)
    tail: NDArray[np.float64] = bdtr(smaller.astype(np.float64), only_first + only_second, 0.5)
    return np.minimum(2 * tail, 1)


def normal_p(difference: Estimate) -> float | None:
    """Compute the p value of the two-sided normal test of no difference.

    It agrees with the difference's 95 % interval: p is below 0.05 where that leaves out 0. It is
    None where there is no standard error.
    """
    if difference.standard_error is None:
        return None
    if difference.standard_error == 0:
        return 1.0 if difference.value == 0 else 0.0
    return math.erfc(abs(difference.value) / difference.standard_error / math.sqrt(2))


def _means_p_holm(differences: dict[str, Estimate | None]) -> dict[str, float]:
    tested = {
        name: p
        for name, gap in differences.items()
        if gap is not None and (p := normal_p(gap)) is not None
    }
    corrected = holm(np.array(list(tested.values())))
    return {name: tidy(float(p)) for name, p in zip(tested, corrected, strict=True)}


def _by_labels(one: Predictions, other: Predictions, labels: Labels) -> LabelComparison:
    first, second = labels.of(one), labels.of(other)
    one, other, answers = first.predictions, second.predictions, (first.right, second.right)
    return LabelComparison(
        name=labels.name,
        n_images=one.n_images,
        n_unlabelled=first.n_unlabelled,
        mean=_paired(score(one, first.right), score(other, second.right)),
        distortions=_distortion_differences(one, other, answers),
        variants=_variant_differences(one, other, answers),
    )


def _distortion_differences(
    one: Predictions, other: Predictions, right: Right
) -> dict[str, Estimate | None]:
    return {
        ladder.distortion: _paired(
            distortion_mean(one, ladder.distortion, right[0]),
            distortion_mean(other, ladder.distortion, right[1]),
        )
        for ladder in LADDERS
    }


def _variant_differences(
    one: Predictions, other: Predictions, right: Right
) -> dict[str, VariantDifference]:
    names = compared_variants(one, other)
    if not names:
        return {}
    ours, theirs = (
        of_model[:, [predictions.variants.index(name) for name in names]]
        for of_model, predictions in zip(right, (one, other), strict=True)
    )
    only_ours, only_theirs = (ours & ~theirs).sum(axis=0), (theirs & ~ours).sum(axis=0)
    p = mcnemar(only_ours, only_theirs)
    corrected = holm(p)
    return {
        name: VariantDifference(
            difference=estimate(difference(mean(ours[:, i]), mean(theirs[:, i]))),
            only_first=int(only_ours[i]),
            only_second=int(only_theirs[i]),
            p=tidy(float(p[i])),
            p_holm=tidy(float(corrected[i])),
        )
        for i, name in enumerate(names)
    }


def _paired(first: Statistic | None, second: Statistic | None) -> Estimate | None:
    return None if first is None or second is None else estimate(difference(first, second))


def _warnings(first: Entry, second: Entry) -> list[str]:
    warnings = []
    if first.precision != second.precision:
        warnings.append(f"different precisions: {first.precision} and {second.precision}")
    versions = [entry.versions.get("Pillow", "unknown") for entry in (first, second)]
    if len({_resizes_in_new_order(version) for version in versions}) > 1:
        warnings.append(
            f"Pillow {versions[0]} and {versions[1]} resize tall images in different order: "
            "inputs may differ by one grey level"
        )
    return warnings


def _resizes_in_new_order(version: str) -> bool | None:
    """Tell whether a version of Pillow is 13 or a later one; None if it is not known."""
    major = version.partition(".")[0]
    return int(major) >= 13 if major.isascii() and major.isdigit() else None
