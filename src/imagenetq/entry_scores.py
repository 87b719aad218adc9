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
    """A share of images."""

    value: Share
    """The share."""

    low: Share
    """Lower end of the 95 % Wilson interval."""

    high: Share
    """Its upper end."""


class Estimate(FiniteModel):
    """A mean over images, or a ratio or difference of such means."""

    value: float
    """The estimate."""

    standard_error: float | None
    """Over images; None from a single image."""

    low: float | None
    """Lower end of the 95 % interval, value - 1.96 standard errors; it is not cut at 0."""

    high: float | None
    """Its upper end, not cut at 1."""


class Crossing(FiniteModel):
    """Where on a ladder top-1 accuracy first falls to a share of the clean accuracy."""

    place: Literal["on the ladder", "below the first", "beyond the last"]
    """`on the ladder`; `below the first` if it has fallen further at the mildest rung already;
    `beyond the last` if it has not at the strongest."""

    value: float | None
    """The parameter there, linear between rungs; None if it is not on the ladder."""


class VariantScores(FiniteModel):
    """One variant."""

    top1: Proportion
    """Share of images whose likeliest class is the true one."""

    top5: Proportion
    """Share whose true class is among the five likeliest."""

    true_confidence: Estimate
    """Mean probability of the true class."""

    calibration_error: Share
    """Expected calibration error, 15 equal-width bins."""


class DistortionScores(FiniteModel):
    """One distortion."""

    mean: Estimate | None
    """Mean of the top-1 accuracies of its scored levels."""

    falls_to_90: Crossing | None
    """Where accuracy first falls to 90 % of clean."""

    falls_to_50: Crossing | None
    """Where it first falls to 50 %."""


class SizeScores(FiniteModel):
    """The images of one size class: a third of the images, by the shorter side."""

    smallest: int = Count
    """Shorter side of the smallest of them, pixels."""

    largest: int = Count
    """Of the largest."""

    n_images: int = Count
    """How many."""

    clean: Estimate | None
    """Top-1 accuracy on their clean images."""

    distortions: dict[str, Estimate | None]
    """For each distortion, the mean over its scored levels."""

    score: Estimate | None
    """The ImageNet-Q score."""

    relative_score: Estimate | None
    """Divided by `clean`."""


class Scores(FiniteModel):
    """All scores of one model."""

    score_name: ScoreName = "imagenet-q-score-1"
    """The definition of `score`."""

    variants: dict[str, VariantScores]
    """For each variant evaluated, in ladder order."""

    distortions: dict[str, DistortionScores]
    """For each of the five distortions."""

    score: Estimate | None
    """The ImageNet-Q score: the mean of the distortions' means."""

    relative_score: Estimate | None
    """`score` divided by clean top-1 accuracy."""

    calibration_error: Share | None
    """Expected calibration error over all samples of the scored variants."""

    sizes: Annotated[tuple[SizeScores, ...], Field(max_length=3)]
    """The scores of small, middle and large images."""

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
    """Top-1 accuracies by one set of labels, over the images that have some."""

    variants: dict[str, Proportion]
    """For each variant evaluated, in ladder order."""

    distortions: dict[str, Estimate | None]
    """For each of the five, the mean over its scored levels."""

    mean: Estimate | None
    """The mean of the five; None where a scored variant is missing."""

    @model_validator(mode="after")
    def _distortions_are_the_five(self) -> "Accuracies":
        if list(self.distortions) != [ladder.distortion for ladder in LADDERS]:
            raise ValueError("the distortions are not the five, in ladder order")
        return self


class LabelScores(FiniteModel):
    """How often an answer is right by labels of another making; none of it enters the score."""

    name: str
    """Of the file of labels."""

    sha256: str = Sha256
    """Of the file."""

    n_images: int = Field(ge=1)
    """Images that have a label in it, of which all of this is."""

    n_unlabelled: int = Count
    """Images that have none, and are left out."""

    other: Accuracies
    """By these labels: an answer is right if it is one of the image's."""

    own: Accuracies
    """By the data's own labels, over the same images."""
