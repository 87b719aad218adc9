"""Define `entry.json`, the result of a model on a dataset; the file may come from anyone."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from imagenetq.choices import Precision, Subset
from imagenetq.entry_scores import MAX_TEXT, FiniteModel, LabelScores, Scores
from imagenetq.manifest import SHA256_PATTERN, BadImageNote, Count, ImageId, Sha256
from imagenetq.specification import variants
from imagenetq.strict_json import read_strict

ENTRY_NAME = "entry.json"

MAX_ENTRY_BYTES = 2**20
"""Largest `entry.json` that is read, in bytes."""

MAX_LEFT_OUT = 1_000
"""Most photographs that an entry can name as left out."""

MAX_LABEL_SETS = 4
"""Most sets of other labels that an entry can hold scores by."""

_MAX_IMAGES = 5_000_000
_MAX_REASON = 200
_MAX_DEPTH = 6
_MAX_VALUES = 2_000
_MAX_INTEGER = 2**53


def _printable(text: str) -> str:
    # A terminal obeys control characters, and invisible characters fool a reader.
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _bounded(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse data that is too deep, too large, not finite or not printable."""
    seen = 0
    waiting: list[tuple[JsonValue, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if depth > _MAX_DEPTH or seen > _MAX_VALUES:
            raise ValueError("too deep or too large")
        if isinstance(item, dict):
            waiting += [(key, depth) for key in item]
            waiting += [(child, depth + 1) for child in item.values()]
        elif isinstance(item, list):
            waiting += [(child, depth + 1) for child in item]
        elif isinstance(item, str) and (len(item) > MAX_TEXT or not item.isprintable()):
            raise ValueError("holds a text that is too long or cannot be printed")
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("holds a number that is not finite")
        elif isinstance(item, int) and abs(item) > _MAX_INTEGER:
            raise ValueError("holds a number that is too large")
    return value


Text = Annotated[str, AfterValidator(_printable)]
Facts = Annotated[dict[Text, Text], Field(max_length=100)]
Side = Annotated[int, Field(ge=1, le=100_000)]
Settings = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]


Outputs = Literal["logits", "probabilities", "bounded"]
"""What a network gives; `bounded` outputs lie between 0 and 1 without being probabilities."""


class ZeroShot(FiniteModel):
    """The record of how a network without classes of its own was given them."""

    prompts_sha256: str = Sha256
    """SHA-256 of the prompts' templates and the classes' names, each followed by a line feed."""

    embeddings_sha256: str = Sha256
    """SHA-256 of the classes' embeddings, float32 in row-major order, little-endian."""


class EntryModel(FiniteModel):
    """The model that was evaluated."""

    name: Text
    """Name of the model as the user gave it, such as `timm/vgg16`."""

    weights_sha256: str | None = Sha256
    """SHA-256 of the weights; None if there are none."""

    parameters: int = Field(ge=0, le=_MAX_INTEGER)
    """Number of parameters."""

    input_size: tuple[Side, Side] | None
    """Height and width of the inputs in pixels; None if they vary."""

    preprocessing: Settings
    """Settings of the preprocessing that turns an image into an input."""

    arguments: Settings
    """Arguments of the model's constructor."""

    tensors_sha256: str | None = Field(default=None, pattern=SHA256_PATTERN)
    """SHA-256 of the weights' names, types, shapes and numbers, whatever file held them; None if
    there are none, or in entries from before it was recorded."""

    weights_key: Text | None = None
    """Key of the weights chosen from a file that holds several networks' weights; else None."""

    outputs: Outputs | None = None
    """What the model gave for clean images, from which logits were then made; None in entries from
    before it was recorded."""

    weights_file: Text | None = None
    """Name of the weights file that was given; None for the source's own weights."""

    overrides: Settings | None = None
    """Settings that were replaced in the preprocessing; None if that was not recorded."""

    class_map: Annotated[tuple[int, ...], Field(max_length=1000)] | None = None
    """Which of the model's outputs each class is; None if the outputs are the classes."""

    zero_shot: ZeroShot | None = None
    """How the model was given the classes; None if it was trained on them."""


class VariantCounts(FiniteModel):
    """The raw counts of answers in one variant."""

    correct_top1: int = Count
    """Number of images whose likeliest class is the true one."""

    correct_top5: int = Count
    """Number of images whose true class is among the five likeliest."""

    total: int = Field(ge=1)
    """Number of images."""

    @model_validator(mode="after")
    def _counts_are_nested(self) -> "VariantCounts":
        if not self.correct_top1 <= self.correct_top5 <= self.total:
            raise ValueError("top-1 counts no more than top-5, and top-5 no more than all")
        return self


class LeftOut(FiniteModel):
    """A photograph that was left out of the data as bad."""

    image_id: ImageId
    """Id of the photograph."""

    wnid: str = Field(pattern=r"^n[0-9]{8}$")
    """WordNet id of the photograph's class."""

    reason: Text = Field(max_length=_MAX_REASON)
    """What is wrong with the photograph."""

    @classmethod
    def of(cls, note: BadImageNote) -> "LeftOut":
        """Make it from the data's note, the reason escaped and cut to what an entry may hold."""
        reason = note.reason.encode("unicode_escape").decode()[:_MAX_REASON]
        return cls(image_id=note.image_id, wnid=note.wnid, reason=reason)


class CleanCheck(FiniteModel):
    """The reach of the check of clean images that comes before an evaluation."""

    n_images: int = Count
    """Number of photographs that were checked."""

    smallest_loss: float | None = Field(ge=0, le=1)
    """Loss of clean top-1 accuracy, 0 to 1, beyond which the check warns; None if it warns of no
    loss."""

    compared_with: Literal["published accuracy", "other preprocessing", "chance"] | None = None
    """What the accuracy is compared with: the published accuracy, or that of the same network with
    another mean, std or padding; `chance` if the check warns only of answers by chance; None if it
    does not even warn of that, or in entries from before this was recorded."""

    def words(self) -> str:
        """Say in words what the check could have shown."""
        what = "no loss"
        if self.compared_with == "chance":
            what = "only answers by chance"
        elif self.smallest_loss is not None:
            points = f"more than {100 * self.smallest_loss:.1f} points"
            what = {
                None: f"only a loss of {points}",
                "published accuracy": f"only a loss of {points} against the published accuracy",
                "other preprocessing": f"only a wrong mean, std or padding that costs {points}",
            }[self.compared_with]
        return f"with {self.n_images} photographs {what} would have shown"


class Run(FiniteModel):
    """The facts about an evaluation that its predictions do not tell."""

    format_version: Literal[1] = 1
    """Version of the file's format."""

    model: EntryModel
    """Model that was evaluated."""

    dataset_version: str = Field(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$")
    """Version of the dataset, as MAJOR.MINOR.PATCH."""

    specification_digest: str = Sha256
    """SHA-256 of the specification's canonical JSON."""

    source_digest: str | None = Sha256
    """SHA-256 over the dataset's clean lines; None if they were not read."""

    subset: Subset | None
    """Subset of the dataset: `full`, `mini` or `sample`; None if the data are none of them."""

    precision: Precision
    """Precision of the arithmetic; ranked entries are computed in `fp32`."""

    hardware: Facts
    """Facts about the machine and device that the model ran on."""

    versions: Facts
    """Versions of the packages that decide the answers."""

    code_version: Text
    """Version of imagenetq."""

    code_commit: str | None = Field(pattern=r"^[0-9a-f]{7,64}(-dirty)?$")
    """Commit of imagenetq in hex, with `-dirty` if the code was changed since; None if unknown."""

    warnings: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """Warnings that a reader of the scores should know."""

    bad_images: Annotated[tuple[LeftOut, ...], Field(max_length=MAX_LEFT_OUT)] = ()
    """Photographs that were left out of the data on request."""

    clean_check: CleanCheck | None = None
    """What the check of clean images could have shown; None if there was no check."""


class Entry(Run):
    """The result of one model on one dataset."""

    n_images: int = Field(ge=1, le=_MAX_IMAGES)
    """Number of photographs, each evaluated in every variant of `variants`."""

    variants: dict[str, VariantCounts]
    """Counts of each variant that was evaluated, in ladder order."""

    scores: Scores
    """Scores computed from the predictions."""

    predictions_sha256: str = Sha256
    """SHA-256 of `predictions.parquet`."""

    other_labels: Annotated[tuple[LabelScores, ...], Field(max_length=MAX_LABEL_SETS)] = ()
    """Accuracies by labels from other sources, if they were asked for; they do not enter
    `scores`."""

    @model_validator(mode="after")
    def _variants_are_complete(self) -> "Entry":
        if list(self.variants) != [v.name for v in variants() if v.name in self.variants]:
            raise ValueError("the variants are not those of the ladder, in its order")
        for name, counts in self.variants.items():
            if counts.total != self.n_images:
                raise ValueError(f"{name} counts {counts.total} of {self.n_images} photographs")
        return self

    @model_validator(mode="after")
    def _other_labels_are_of_the_same(self) -> "Entry":
        for labels in self.other_labels:
            if labels.n_images + labels.n_unlabelled != self.n_images:
                raise ValueError(f"labels of {labels.n_images} of {self.n_images} images")
            if not labels.name.isprintable():
                raise ValueError("labels of a name that cannot be printed")
            for accuracies in (labels.other, labels.own):
                if list(accuracies.variants) != list(self.variants):
                    raise ValueError("labels of other variants")
        return self


def read_entry(path: Path, *, follow_link: bool = True) -> Entry:
    """Read and validate an `entry.json`, which may come from anyone, as `read_strict` does."""
    return read_strict(Entry, path, MAX_ENTRY_BYTES, follow_link=follow_link)
