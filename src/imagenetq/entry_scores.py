"""The scores that an entry holds: what each number is; `docs/scores.md` says how it is computed.

All accuracies, probabilities and errors are on the scale 0 to 1. A score whose variants were not
all evaluated is None.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from imagenetq.manifest import Count, Model, Sha256
from imagenetq.specification import LADDERS, variants

ScoreName = Literal["imagenet-q-score-1"]
"""Changes when the definition of the ImageNet-Q score does."""

MAX_TEXT = 1_000
"""Characters of any text in an entry."""

Share = Annotated[float, Field(ge=0, le=1)]


class FiniteModel(Model):
    """A record from anyone: no unknown fields, no NaN, no infinity, no long texts."""

    model_config = ConfigDict(allow_inf_nan=False, str_max_length=MAX_TEXT)


class Proportion(FiniteModel):
    """A share of images.

    Attributes:
        value: the share.
        low: lower end of the 95 % Wilson interval.
        high: its upper end.
    """

    value: Share
    low: Share
    high: Share


class Estimate(FiniteModel):
    """A mean over images, or a ratio or difference of such means.

    Attributes:
        value: the estimate.
        standard_error: over images; None from a single image.
        low: lower end of the 95 % interval, value - 1.96 standard errors; it is not cut at 0.
        high: its upper end, not cut at 1.
    """

    value: float
    standard_error: float | None
    low: float | None
    high: float | None


class Crossing(FiniteModel):
    """Where on a ladder top-1 accuracy first falls to a share of the clean accuracy.

    Attributes:
        place: `on the ladder`; `below the first` if it has fallen further at the mildest rung
            already; `beyond the last` if it has not at the strongest.
        value: the parameter there, linear between rungs; None if it is not on the ladder.
    """

    place: Literal["on the ladder", "below the first", "beyond the last"]
    value: float | None


class VariantScores(FiniteModel):
    """One variant.

    Attributes:
        top1: share of images whose likeliest class is the true one.
        top5: share whose true class is among the five likeliest.
        true_confidence: mean probability of the true class.
        calibration_error: expected calibration error, 15 equal-width bins.
    """

    top1: Proportion
    top5: Proportion
    true_confidence: Estimate
    calibration_error: Share


class DistortionScores(FiniteModel):
    """One distortion.

    Attributes:
        mean: mean of the top-1 accuracies of its scored levels.
        falls_to_90: where accuracy first falls to 90 % of clean.
        falls_to_50: where it first falls to 50 %.
    """

    mean: Estimate | None
    falls_to_90: Crossing | None
    falls_to_50: Crossing | None


class SizeScores(FiniteModel):
    """The images of one size class: a third of the images, by the shorter side.

    Attributes:
        smallest: shorter side of the smallest of them, pixels.
        largest: of the largest.
        n_images: how many.
        clean: top-1 accuracy on their clean images.
        distortions: for each distortion, the mean over its scored levels.
        score: the ImageNet-Q score.
        relative_score: divided by `clean`.
    """

    smallest: int = Count
    largest: int = Count
    n_images: int = Count
    clean: Estimate | None
    distortions: dict[str, Estimate | None]
    score: Estimate | None
    relative_score: Estimate | None


class Scores(FiniteModel):
    """All scores of one model.

    Attributes:
        score_name: the definition of `score`.
        variants: for each variant evaluated, in ladder order.
        distortions: for each of the five distortions.
        score: the ImageNet-Q score: the mean of the distortions' means.
        relative_score: `score` divided by clean top-1 accuracy.
        calibration_error: expected calibration error over all samples of the scored variants.
        sizes: the scores of small, middle and large images.
    """

    score_name: ScoreName = "imagenet-q-score-1"
    variants: dict[str, VariantScores]
    distortions: dict[str, DistortionScores]
    score: Estimate | None
    relative_score: Estimate | None
    calibration_error: Share | None
    sizes: Annotated[tuple[SizeScores, ...], Field(max_length=3)]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Scores":
        known = [v.name for v in variants()]
        if list(self.variants) != [name for name in known if name in self.variants]:
            raise ValueError("the variants are not those of the ladder, in its order")
        distortions = [ladder.distortion for ladder in LADDERS]
        held = [list(self.distortions), *(list(size.distortions) for size in self.sizes)]
        if any(names != distortions for names in held):
            raise ValueError("the distortions are not the five, in ladder order")
        return self


class Accuracies(FiniteModel):
    """Top-1 accuracies by one set of labels, over the images that have some.

    Attributes:
        variants: for each variant evaluated, in ladder order.
        distortions: for each of the five, the mean over its scored levels.
        mean: the mean of the five; None where a scored variant is missing.
    """

    variants: dict[str, Proportion]
    distortions: dict[str, Estimate | None]
    mean: Estimate | None

    @model_validator(mode="after")
    def _distortions_are_the_five(self) -> "Accuracies":
        if list(self.distortions) != [ladder.distortion for ladder in LADDERS]:
            raise ValueError("the distortions are not the five, in ladder order")
        return self


class LabelScores(FiniteModel):
    """How often an answer is right by labels of another making; none of it enters the score.

    Attributes:
        name: of the file of labels.
        sha256: of the file.
        n_images: images that have a label in it, of which all of this is.
        n_unlabelled: images that have none, and are left out.
        other: by these labels: an answer is right if it is one of the image's.
        own: by the data's own labels, over the same images.
    """

    name: str
    sha256: str = Sha256
    n_images: int = Field(ge=1)
    n_unlabelled: int = Count
    other: Accuracies
    own: Accuracies
