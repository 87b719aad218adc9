"""Two models on the same images: paired differences, and how sure they are."""

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagenetq.entry import Entry
from imagenetq.entry_scores import Estimate, FiniteModel, Share
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import distortion_mean, relative_score, score
from imagenetq.evaluate.results.statistics import Statistic, difference, estimate, mean, tidy
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, scored_variants

_SAME = {
    "dataset_version": "dataset versions",
    "specification_digest": "specifications",
    "source_digest": "source images",
    "subset": "subsets",
}
_REORDERED_RESIZE = 13


class VariantDifference(FiniteModel):
    """Top-1 accuracy of two models on one variant.

    Attributes:
        difference: first less second, paired over images.
        only_first: images that only the first model recognises.
        only_second: images that only the second does.
        p: of the exact McNemar test.
        p_holm: the same, corrected over all variants tested (Holm 1979).
    """

    difference: Estimate
    only_first: Annotated[int, Field(ge=0)]
    only_second: Annotated[int, Field(ge=0)]
    p: Share
    p_holm: Share


class Comparison(FiniteModel):
    """Two models on the same images; every difference is first less second.

    Attributes:
        first: name of the first model.
        second: of the second.
        n_images: over how many photographs.
        score: difference of the ImageNet-Q scores; None where a variant is missing.
        relative_score: of the relative scores.
        distortions: of each distortion's mean.
        means_p_holm: for the means above that there are, by their names (`score`,
            `relative_score`, or the distortion's), p of the two-sided normal test of the paired
            difference, corrected over all of them (Holm 1979); a single photograph gives none.
        variants: for clean and each scored variant that both evaluated, in ladder order.
        warnings: why the difference may not be the models' alone.
    """

    first: str
    second: str
    n_images: int
    score: Estimate | None
    relative_score: Estimate | None
    distortions: dict[str, Estimate | None]
    means_p_holm: dict[str, Share]
    variants: dict[str, VariantDifference]
    warnings: tuple[str, ...]


def compare(first: Result, second: Result) -> Comparison:
    """Compare two results over the same images.

    Raises:
        EntryError: they are not over the same images, or not in the same pixels.
    """
    require_same_data(first, second)
    one, other = first.predictions, second.predictions
    scores = {
        "score": _paired(score(one), score(other)),
        "relative_score": _paired(relative_score(one), relative_score(other)),
    }
    distortions = {
        ladder.distortion: _paired(
            distortion_mean(one, ladder.distortion), distortion_mean(other, ladder.distortion)
        )
        for ladder in LADDERS
    }
    return Comparison(
        first=first.entry.model.name,
        second=second.entry.model.name,
        n_images=one.n_images,
        score=scores["score"],
        relative_score=scores["relative_score"],
        distortions=distortions,
        means_p_holm=_means_p_holm(scores | distortions),
        variants=_variant_differences(one, other),
        warnings=tuple(_warnings(first.entry, second.entry)),
    )


def require_same_data(first: Result, second: Result) -> None:
    """Refuse two results that are not over the same images in the same pixels.

    Raises:
        EntryError: names what differs.
    """
    names = f"{first.entry.model.name} and {second.entry.model.name} cannot be compared"
    for field, noun in _SAME.items():
        one, other = getattr(first.entry, field), getattr(second.entry, field)
        if one != other:
            raise EntryError(f"{names}: they are of different {noun} ({one} and {other})")
    if not first.predictions.has_images_of(second.predictions):
        counts = f"{first.predictions.n_images} and {second.predictions.n_images}"
        raise EntryError(f"{names}: they are of different images ({counts}); use the same --limit")


def mcnemar(only_first: NDArray[np.int64], only_second: NDArray[np.int64]) -> NDArray[np.float64]:
    """The p values of exact two-sided McNemar tests.

    Under the hypothesis that both models are equally likely to be the only one that is right,
    `only_first` is binomial over the images on which they differ; p is twice the smaller tail, at
    most 1.

    Args:
        only_first: for each test, the images that only the first model recognises.
        only_second: that only the second does.
    """
    from scipy.special import bdtr

    smaller = np.minimum(only_first, only_second)
    tail: NDArray[np.float64] = bdtr(smaller.astype(np.float64), only_first + only_second, 0.5)
    return np.minimum(2 * tail, 1)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The p values corrected for the number of tests (Holm 1979): step-down Bonferroni."""
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return corrected


def normal_p(difference: Estimate) -> float | None:
    """The p value of the two-sided normal test, to which the interval belongs, of no difference.

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
        for name, held in differences.items()
        if held is not None and (p := normal_p(held)) is not None
    }
    corrected = holm(np.array(list(tested.values())))
    return {name: tidy(float(p)) for name, p in zip(tested, corrected, strict=True)}


def _variant_differences(one: Predictions, other: Predictions) -> dict[str, VariantDifference]:
    # contrast-1.0 is the clean image again, and in contrast-0.0 there is nothing to recognise.
    names = [
        name for name in (CLEAN, *(v.name for v in scored_variants())) if _in(name, one, other)
    ]
    if not names:
        return {}
    ours, theirs = (
        predictions.correct(1)[:, [predictions.variants.index(name) for name in names]]
        for predictions in (one, other)
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


def _in(name: str, one: Predictions, other: Predictions) -> bool:
    return name in one.variants and name in other.variants


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
    major = version.partition(".")[0]
    return int(major) >= _REORDERED_RESIZE if major.isascii() and major.isdigit() else None
