"""The few numbers an image that paired comparisons of many entries need."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, Variant, scored_variants


@dataclass(frozen=True, eq=False)
class Answers:
    """How one model did on each image: 6 bytes an image, where the predictions have 2,000.

    Attributes:
        images: SHA-256 over the images' ids, labels and sizes; entries that share it are paired.
        hits: for each image 1 or 0 for the clean image, then for each distortion in ladder order
            at how many scored levels it was recognised; int8 of shape (n, 6). None if a scored
            variant, or clean, was not evaluated.
    """

    images: str
    hits: NDArray[np.int8] | None

    @classmethod
    def of(cls, predictions: Predictions) -> "Answers":
        """The answers that predictions hold."""
        return cls(_digest(predictions), _hits(predictions))


def levels(distortion: str) -> list[Variant]:
    """The scored levels of a distortion."""
    return [v for v in scored_variants() if v.distortion == distortion]


def _digest(predictions: Predictions) -> str:
    digest = hashlib.sha256()
    columns = (predictions.labels.tolist(), predictions.short_sides.tolist())
    for row in zip(predictions.image_ids, *columns, strict=True):
        digest.update("\t".join(map(str, row)).encode() + b"\n")
    return digest.hexdigest()


def _hits(predictions: Predictions) -> NDArray[np.int8] | None:
    wanted = [[CLEAN], *([v.name for v in levels(ladder.distortion)] for ladder in LADDERS)]
    if not {name for names in wanted for name in names} <= set(predictions.variants):
        return None
    correct = predictions.correct(1)
    counted = [
        correct[:, [predictions.variants.index(name) for name in names]].sum(axis=1)
        for names in wanted
    ]
    return np.stack(counted, axis=1).astype(np.int8)
