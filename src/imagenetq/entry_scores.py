"""Define the scores that an entry holds; `docs/scores.md` says how each is computed.

All accuracies, probabilities and errors are on the scale 0 to 1. A score is None if not all of its
variants were evaluated.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from imagenetq.manifest import Count, Model, Sha256
from imagenetq.specification import LADDERS, variants

ScoreName = Literal["imagenet-q-score-1"]
"""Name of the ImageNet-Q score's definition; it changes when the definition does."""

MAX_TEXT = 1_000
"""Most characters that any text in an entry may have."""

Share = Annotated[float, Field(ge=0, le=1)]


class FiniteModel(Model):
    """A record that may come from anyone: no unknown fields, NaN, infinity or long texts."""

    model_config = ConfigDict(allow_inf_nan=False, str_max_length=MAX_TEXT)


class Proportion(FiniteModel):
    """A share of images."""

    value: Share
    """Share of images, 0 to 1."""

    low: Share
    """Lower end of the 95 % Wilson interval."""

    high: Share
    """Upper end of the 95 % Wilson interval."""


class Estimate(FiniteModel):
    """A mean over images, or a ratio or difference of such means."""

    value: float
    """Estimated value."""

    standard_error: float | None
    """Standard error over images; None if there are too few images for one."""

    low: float | None
    """Lower end of the 95 % interval, value - 1.96 standard errors, not cut at 0; None without a
    standard error."""

    high: float | None
    """Upper end of the 95 % interval, value + 1.96 standard errors, not cut at 1; None without a
    standard error."""


class Crossing(FiniteModel):
    """The place on a ladder where top-1 accuracy first falls to a share of the clean accuracy."""

    place: Literal["on the ladder", "below the first", "beyond the last"]
    """Where the crossing lies: `on the ladder`; `below the first` if accuracy has fallen further at
    the mildest rung already; `beyond the last` if it has not fallen so far at the strongest."""

    value: float | None
    """Parameter at the crossing, linear between rungs; None if it is not on the ladder."""


class VariantScores(FiniteModel):
    """The scores of one variant."""

    top1: Proportion
    """Share of images whose likeliest class is the true one."""

    top5: Proportion
    """Share of images whose true class is among the five likeliest."""

    true_confidence: Estimate
    """Mean probability of the true class."""

    calibration_error: Share
    """Expected calibration error over 15 bins of equal width."""


class DistortionScores(FiniteModel):
    """The scores of one distortion."""

    mean: Estimate | None
    """Mean top-1 accuracy over the distortion's scored levels."""

    falls_to_90: Crossing | None
    """Where top-1 accuracy first falls to 90 % of the clean accuracy."""

    falls_to_50: Crossing | None
    """Where top-1 accuracy first falls to 50 % of the clean accuracy."""


class SizeScores(FiniteModel):
    """The scores of one size class: a third of the photographs, by the shorter side."""

    smallest: int = Count
    """Shorter side of the smallest photograph in the class, in pixels."""

    largest: int = Count
    """Shorter side of the largest photograph in the class, in pixels."""

    n_images: int = Count
    """Number of photographs in the class."""

    clean: Estimate | None
    """Top-1 accuracy on the class's clean images."""

    distortions: dict[str, Estimate | None]
    """Mean top-1 accuracy of each distortion over its scored levels."""

    score: Estimate | None
    """ImageNet-Q score on the class's images."""

    relative_score: Estimate | None
    """`score` divided by `clean`."""


class Scores(FiniteModel):
    """All scores of one model."""

    score_name: ScoreName = "imagenet-q-score-1"
    """Name of the definition of `score`."""

    variants: dict[str, VariantScores]
    """Scores of each variant that was evaluated, in ladder order."""

    distortions: dict[str, DistortionScores]
    """Scores of each of the five distortions."""

    score: Estimate | None
    """ImageNet-Q score: the mean of the distortions' means."""

    relative_score: Estimate | None
    """`score` divided by clean top-1 accuracy."""

    calibration_error: Share | None
    """Expected calibration error over all answers to the scored variants."""

    sizes: Annotated[tuple[SizeScores, ...], Field(max_length=3)]
    """Scores of small, middle and large photographs; a class without photographs is left out."""

    @model_validator(mode="after")
    def _names_are_known(self) -> "Scores":
        known = [v.name for v in variants()]
        if list(self.variants) != [name for name in known if name in self.variants]:
            raise ValueError("the variants are not those of the ladder, in its order")
        distortions = [ladder.distortion for ladder in LADDERS]
        listed = [list(self.distortions), *(list(size.distortions) for size in self.sizes)]
        if any(names != distortions for names in listed):
            raise ValueError("the distortions are not the five, in ladder order")
        return self


class Accuracies(FiniteModel):
    """The top-1 accuracies by one set of labels, over the images that have a label in it."""

    variants: dict[str, Proportion]
    """Accuracy in each variant that was evaluated, in ladder order."""

    distortions: dict[str, Estimate | None]
    """Mean accuracy of each of the five distortions over its scored levels."""

    mean: Estimate | None
    """Mean of the five distortions' means; None if a scored variant is missing."""

    @model_validator(mode="after")
    def _distortions_are_the_five(self) -> "Accuracies":
        if list(self.distortions) != [ladder.distortion for ladder in LADDERS]:
            raise ValueError("the distortions are not the five, in ladder order")
        return self


class LabelScores(FiniteModel):
    """The accuracies by labels from another source; they do not enter the score."""

    name: str
    """Name of the file of labels."""

    sha256: str = Sha256
    """SHA-256 of the file of labels."""

    n_images: int = Field(ge=1)
    """Number of photographs that have a label in the file; all accuracies here are over these."""

    n_unlabelled: int = Count
    """Number of photographs that have no label in the file and are left out."""

    other: Accuracies
    """Accuracies by the file's labels: an answer is right if it is any of the image's labels."""

    own: Accuracies
    """Accuracies by the dataset's own labels, over the same images."""
