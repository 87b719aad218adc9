"""Judge answers by other labels, such as ReaL's, where several classes or none may be right.

Top-1 accuracy by them is shown beside that by the data's own labels, over the same photographs. It
never enters the ranked score, which knows one class per photograph.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenetq import classes
from imagenetq.entry import MAX_LABEL_SETS, Entry
from imagenetq.entry_scores import Accuracies, LabelScores
from imagenetq.errors import EntryError, LabelsError
from imagenetq.evaluate.results.scores import distortion_mean, score
from imagenetq.evaluate.results.statistics import optional_estimate, wilson
from imagenetq.files import read_bounded, unreadable_as
from imagenetq.predictions import Predictions
from imagenetq.selection import image_id_of
from imagenetq.specification import LADDERS
from imagenetq.strict_json import parse_strict

N_VALIDATION = 50_000
"""Number of photographs in ImageNet's validation set, in whose order a list of labels is."""

MAX_BYTES = 16 * 2**20
"""Greatest size in bytes of a file of labels; a larger one is not read. ReaL's has under 1 MiB."""

MAX_NAME = 200
"""Number of characters of a file's name that are kept, counted from its end."""

_ENDING = re.compile(r"\.(jpe?g|png)\Z", re.IGNORECASE | re.ASCII)
_SHOWN = 60


@dataclass(frozen=True, eq=False)
class Labels:
    """A file's labels: the classes that are right for each photograph."""

    name: str
    """Name of the file."""

    sha256: str
    """SHA-256 of the file."""

    classes: dict[str, frozenset[int]]
    """The right classes by image id, each 0 to 999; empty where no class is right."""

    @classmethod
    def read(cls, path: Path | str) -> "Labels":
        """Read a JSON file: a list of lists in validation order, or an object from id to list.

        An image id may be a file's name, such as `ILSVRC2012_val_00000293.JPEG`.

        Raises:
            LabelsError: the file cannot be read, is too large, holds something else, or has no
                label for any photograph.
        """
        path = Path(path)
        with unreadable_as(LabelsError, path):
            data = read_bounded(path, MAX_BYTES)
        content = parse_strict(data, str(path), LabelsError)
        labels: dict[str, frozenset[int]] = {}
        for name, listed in _items(content, str(path)):
            image_id = image_id_of(_ENDING.sub("", name))
            if image_id in labels:
                raise LabelsError(f"{path}: {image_id[:_SHOWN]!a} is there twice; keep one")
            labels[image_id] = _classes(listed, name, str(path))
        if not any(labels.values()):
            raise LabelsError(f"{path}: no image in it has a label")
        name = "".join(c for c in path.name if c.isprintable())[-MAX_NAME:]
        return cls(name or "labels", hashlib.sha256(data).hexdigest(), labels)

    def of(self, predictions: Predictions) -> "Relabelled":
        """Judge answers by these labels, leaving out photographs that have none.

        Raises:
            LabelsError: none of the photographs has a label.
        """
        sets = [self.classes.get(image_id) for image_id in predictions.image_ids]
        if all(labels is None for labels in sets):
            raise LabelsError(
                f"{self.name}: of other images: it names {next(iter(self.classes))[:_SHOWN]!a}, "
                f"but the results are of {predictions.image_ids[0][:_SHOWN]!a}; ids must agree"
            )
        labelled = np.array([bool(labels) for labels in sets])
        if not labelled.any():
            raise LabelsError(f"{self.name}: none of the results' images has a label in it")
        chosen = predictions.of_images(labelled)
        allowed = np.zeros((chosen.n_images, len(classes.wnids())), np.bool_)
        for row, labels in enumerate(filter(None, sets)):
            allowed[row, sorted(labels)] = True
        answers = chosen.top5_class[:, :, 0]
        right = np.take_along_axis(allowed, answers.astype(np.int64), axis=1)
        return Relabelled(self, chosen, right, n_unlabelled=int((~labelled).sum()))


@dataclass(frozen=True, eq=False)
class Relabelled:
    """The answers to the photographs that have other labels, judged by these."""

    labels: Labels
    """The other labels."""

    predictions: Predictions
    """The answers to the photographs that have labels."""

    right: NDArray[np.bool_]
    """Whether each answer's likeliest class is one of the labels; shape (n, m), for n photographs
    in m variants."""

    n_unlabelled: int
    """Number of photographs that have no label and are left out."""

    def scores(self) -> LabelScores:
        """Compute accuracies by these labels and by the data's own, over the same photographs."""
        return LabelScores(
            name=self.labels.name,
            sha256=self.labels.sha256,
            n_images=self.predictions.n_images,
            n_unlabelled=self.n_unlabelled,
            other=_accuracies(self.predictions, self.right),
            own=_accuracies(self.predictions, self.predictions.correct(1)),
        )


def with_labels(entry: Entry, scores: LabelScores) -> Entry:
    """Add scores by other labels to an entry, in place of earlier ones by the same file."""
    others = [other for other in entry.other_labels if other.sha256 != scores.sha256]
    if len(others) == MAX_LABEL_SETS:
        raise EntryError(f"the entry holds scores by {MAX_LABEL_SETS} sets of labels, and no more")
    return entry.model_copy(update={"other_labels": (*others, scores)})


def _accuracies(predictions: Predictions, right: NDArray[np.bool_]) -> Accuracies:
    n = predictions.n_images
    return Accuracies(
        variants={
            name: wilson(int(count), n)
            for name, count in zip(predictions.variants, right.sum(axis=0), strict=True)
        },
        distortions={
            ladder.distortion: optional_estimate(
                distortion_mean(predictions, ladder.distortion, right)
            )
            for ladder in LADDERS
        },
        mean=optional_estimate(score(predictions, right)),
    )


def _items(content: Any, name: str) -> Iterator[tuple[str, Any]]:
    """List the photographs' names with what the file holds for each."""
    if isinstance(content, dict) and content:
        yield from content.items()
    elif isinstance(content, list) and content:
        if len(content) != N_VALIDATION:
            raise LabelsError(
                f"{name}: a list of {len(content)}, but ImageNet's validation set, in whose order "
                f"it would be, has {N_VALIDATION} images; give an object from image id to list"
            )
        yield from ((f"ILSVRC2012_val_{i:08d}", listed) for i, listed in enumerate(content, 1))
    else:
        raise LabelsError(
            f"{name}: no labels; it must be a list of lists in validation order, or an object "
            "from image id to list"
        )


def _classes(listed: Any, image: str, name: str) -> frozenset[int]:
    where = f"{name}: {image[:_SHOWN]!a}"
    if not isinstance(listed, list):
        raise LabelsError(f"{where} has no list of labels")
    for label in listed:
        if type(label) is not int or not 0 <= label < len(classes.wnids()):
            raise LabelsError(
                f"{where} has the label {str(label)[:_SHOWN]!a}, which is no class from 0 to 999"
            )
    return frozenset(listed)
