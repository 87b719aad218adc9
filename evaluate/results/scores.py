"""Compute every score as a pure function of the predictions.

In all definitions n is the number of photographs, m the number of variants evaluated, and an answer
is correct if the true class is the likeliest one (`true_rank` 1). Scores use the frozen list of 49
scored variants; a score is None if one of the variants that it needs was not evaluated.
`docs/scores.md` says the same in plain words.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry_scores import (
    Crossing,
    DistortionScores,
    Scores,
    SizeScores,
    VariantScores,
)
from imagenetq.evaluate.results.statistics import (
    Statistic,
    estimate,
    mean,
    optional_estimate,
    ratio,
    tidy,
    wilson,
)
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, Value, Variant, scored_variants

BINS = 15
"""Number of equal-width bins of the expected calibration error."""

UNDISTORTED: dict[str, Value] = {"blur": 0, "noise": 0, "contrast": 1.0}
"""The parameter at which each distortion leaves the image as it is; the codecs have none."""


def compute_scores(predictions: Predictions) -> Scores:
    """Compute all scores; the same predictions, in any order, give exactly the same numbers."""
    return Scores(
        variants={name: variant_scores(predictions, name) for name in predictions.variants},
        distortions={
            ladder.distortion: DistortionScores(
                mean=optional_estimate(distortion_mean(predictions, ladder.distortion)),
                falls_to_90=crossing(predictions, ladder.distortion, Fraction(9, 10)),
                falls_to_50=crossing(predictions, ladder.distortion, Fraction(1, 2)),
            )
            for ladder in LADDERS
        },
        score=optional_estimate(score(predictions)),
        relative_score=optional_estimate(relative_score(predictions)),
        calibration_error=pooled_calibration_error(predictions),
        sizes=size_scores(predictions),
    )


def variant_scores(predictions: Predictions, name: str) -> VariantScores:
    """Compute a variant's accuracies, mean true-class confidence and calibration error.

    Top-k accuracy is the share of images whose true class has a rank of at most k, with its 95 %
    Wilson interval. The true-class confidence is the mean over images of the probability that
    the model gives to the true class.
    """
    column = predictions.variants.index(name)
    rank, n = predictions.true_rank[:, column], predictions.n_images
    return VariantScores(
        top1=wilson(int((rank <= 1).sum()), n),
        top5=wilson(int((rank <= 5).sum()), n),
        true_confidence=estimate(mean(predictions.true_probability[:, column])),
        calibration_error=calibration_error(predictions.confidence[:, column], rank == 1),
    )


def clean_accuracy(predictions: Predictions) -> Statistic | None:
    """Compute top-1 accuracy on the clean images; None if they were not evaluated."""
    column = predictions.column(CLEAN)
    return None if column is None else mean(predictions.true_rank[:, column] == 1)


def distortion_mean(
    predictions: Predictions, distortion: str, right: NDArray[np.bool_] | None = None
) -> Statistic | None:
    """Average top-1 accuracy over a distortion's scored levels; None if one was not evaluated.

    This is a mean over photographs: the value of each is the share of these levels at which it is
    answered correctly. `right` says of each answer whether it is right, of shape (n, m); it is so
    by the data's own labels if None.
    """
    columns = scored_columns(predictions, distortion)
    if columns is None:
        return None
    right = predictions.correct(1) if right is None else right
    return mean(right[:, columns].sum(axis=1) / len(columns))


def score(predictions: Predictions, right: NDArray[np.bool_] | None = None) -> Statistic | None:
    """Compute the ImageNet-Q score, version 1: the mean of the five distortions' means.

    It is None if a scored variant was not evaluated. `right` is as for `distortion_mean`; with
    anything but None the same mean is computed, but it is no ImageNet-Q score.
    """
    values = image_scores(predictions, right)
    return None if values is None else mean(values)


def image_scores(
    predictions: Predictions, right: NDArray[np.bool_] | None = None
) -> NDArray[np.float64] | None:
    """Compute each photograph's own score, of which the ImageNet-Q score is the mean.

    It is the mean over distortions of the share of scored levels answered correctly, 0 to 1:
    float64 of shape (n,). Every distortion counts a fifth, however many levels it has. There is
    none if a scored variant was not evaluated.
    """
    by_distortion = [scored_columns(predictions, ladder.distortion) for ladder in LADDERS]
    columns = [levels for levels in by_distortion if levels is not None]
    if len(columns) < len(by_distortion):
        return None
    right = predictions.correct(1) if right is None else right
    # Over a common denominator the shares are whole numbers, which add up exactly.
    denominator = math.lcm(*map(len, columns))
    values = sum(right[:, some].sum(axis=1) * (denominator // len(some)) for some in columns)
    return np.asarray(values) / (denominator * len(columns))


def relative_score(predictions: Predictions) -> Statistic | None:
    """Divide the ImageNet-Q score by clean top-1 accuracy, with an error by the delta method.

    With s and c the values of one photograph, S and C their means and R = S / C, the standard error
    is the standard deviation of (s - R * c) / C over the square root of n. The score is None if
    clean or a scored variant was not evaluated, or if no clean image was recognised.
    """
    above, below = score(predictions), clean_accuracy(predictions)
    return None if above is None or below is None else ratio(above, below)


def crossing(predictions: Predictions, distortion: str, share: Fraction) -> Crossing | None:
    """Find the parameter at which top-1 accuracy first falls to a share of clean accuracy.

    The rungs are the scored levels from mild to strong. For blur and noise (parameter 0) and for
    contrast (factor 1) the clean image stands before them. The search ends at the first rung whose
    accuracy is at most share * clean; the parameter is interpolated linearly between it and the
    rung before. If there is no rung before it, the fall is `below the first`, unless this rung
    meets the share exactly. If no rung falls so far, it is `beyond the last`. It is None if clean
    or a scored level was not evaluated, or if no clean image was recognised.
    """
    columns, clean = scored_columns(predictions, distortion), predictions.column(CLEAN)
    if columns is None or clean is None:
        return None
    correct = predictions.correct(1).sum(axis=0).tolist()
    if correct[clean] == 0:
        return None
    threshold = share * correct[clean]
    values = [level.value for level in scored_levels(distortion)]
    rungs = list(zip(values, (correct[column] for column in columns), strict=True))
    if distortion in UNDISTORTED:
        rungs.insert(0, (UNDISTORTED[distortion], correct[clean]))
    # Exact fractions, so that rounding never decides whether a rung meets the threshold.
    ladder = [(Fraction(str(value)), count) for value, count in rungs]
    return _first_crossing(ladder, threshold)


def calibration_error(confidence: NDArray[np.float32], correct: NDArray[np.bool_]) -> float:
    """Compute the expected calibration error (Guo et al. 2017) with 15 equal-width bins.

    An answer's confidence is the probability of the likeliest class. Bin b of 1 to 15 holds the
    confidences in ((b - 1) / 15, b / 15]; the first bin also holds 0. The error is the sum over
    bins of (answers in the bin / all answers) * |share correct in the bin - mean confidence in the
    bin|. Both arguments have shape (answers,).
    """
    # float64 holds 15 times a float32 exactly, so no confidence falls into the wrong bin.
    bins = np.maximum(np.ceil(confidence.astype(np.float64) * BINS), 1)
    gaps = []
    for number in range(1, BINS + 1):
        inside = bins == number
        gaps.append(abs(int(correct[inside].sum()) - math.fsum(confidence[inside].tolist())))
    return tidy(math.fsum(gaps) / len(confidence))


def pooled_calibration_error(predictions: Predictions) -> float | None:
    """Compute the calibration error over all answers to the 49 scored variants.

    It is None if one of them was not evaluated.
    """
    columns = _columns(predictions, scored_variants())
    if columns is None:
        return None
    confidence = predictions.confidence[:, columns].ravel()
    return calibration_error(confidence, predictions.correct(1)[:, columns].ravel())


def size_scores(predictions: Predictions) -> tuple[SizeScores, ...]:
    """Compute the scores of the photographs in each tercile of the shorter side.

    They are kept apart because one sigma of blur means less in a larger photograph. The bounds are
    the values at places ceil(n / 3) and ceil(2 * n / 3) of the sorted shorter sides; a photograph
    on a bound belongs below it. Photographs of one size stay together, so the thirds are as equal
    as the sizes allow, and an empty third is left out.
    """
    sides = predictions.short_sides
    n = len(sides)
    bounds = np.sort(sides)[[-(-n // 3) - 1, -(-2 * n // 3) - 1]]
    third = np.searchsorted(bounds, sides, side="left")
    return tuple(_of_size(predictions.of_images(third == number)) for number in np.unique(third))


def _of_size(predictions: Predictions) -> SizeScores:
    return SizeScores(
        smallest=int(predictions.short_sides.min()),
        largest=int(predictions.short_sides.max()),
        n_images=predictions.n_images,
        clean=optional_estimate(clean_accuracy(predictions)),
        distortions={
            ladder.distortion: optional_estimate(distortion_mean(predictions, ladder.distortion))
            for ladder in LADDERS
        },
        score=optional_estimate(score(predictions)),
        relative_score=optional_estimate(relative_score(predictions)),
    )


def _first_crossing(ladder: list[tuple[Fraction, int]], threshold: Fraction) -> Crossing:
    for index, (value, count) in enumerate(ladder):
        if count > threshold:
            continue
        if count == threshold:
            return Crossing(place="on the ladder", value=tidy(float(value)))
        if index == 0:
            return Crossing(place="below the first", value=None)
        before, higher = ladder[index - 1]
        at = before + (value - before) * (higher - threshold) / (higher - count)
        return Crossing(place="on the ladder", value=tidy(float(at)))
    return Crossing(place="beyond the last", value=None)


def scored_columns(predictions: Predictions, distortion: str) -> list[int] | None:
    """Give the columns of a distortion's scored levels; None if one was not evaluated."""
    return _columns(predictions, scored_levels(distortion))


def scored_levels(distortion: str) -> list[Variant]:
    """List a distortion's scored levels, from mild to strong."""
    return [variant for variant in scored_variants() if variant.distortion == distortion]


def _columns(predictions: Predictions, wanted: Sequence[Variant]) -> list[int] | None:
    """Give the columns of the variants wanted; None if one was not evaluated."""
    columns = [predictions.column(variant.name) for variant in wanted]
    present = [column for column in columns if column is not None]
    return present if len(present) == len(columns) else None
