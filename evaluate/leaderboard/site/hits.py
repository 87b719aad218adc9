"""Compute the few numbers for each photograph that paired comparisons of many entries need."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, Variant, scored_variants

COMPARED = (CLEAN, *(v.name for v in scored_variants()))
"""Names of the variants that two entries are compared on: clean, and the 49 scored ones."""


@dataclass(frozen=True, eq=False)
class Answers:
    """How one model did on each photograph, in 13 bytes each, where the predictions take 2,000."""

    images: str
    """SHA-256 over the photographs' ids, labels and sizes; entries that share it can be paired."""

    hits: NDArray[np.int8] | None
    """int8 of shape (n, 6): for each photograph 1 or 0 for the clean image, then for each
    distortion in ladder order at how many scored levels it was recognised. None if a scored
    variant, or clean, was not evaluated."""

    right: NDArray[np.uint8] | None
    """uint8 of shape (50, n / 8, rounded up): for each of `COMPARED` a bit for each photograph, the
    first the highest of a byte, which says whether it was recognised. None if `hits` is None."""

    n_images: int
    """Number of photographs."""

    @classmethod
    def of(cls, predictions: Predictions) -> "Answers":
        """Compute the answers that predictions hold."""
        digest = hashlib.sha256()
        columns = (predictions.labels.tolist(), predictions.short_sides.tolist())
        for row in zip(predictions.image_ids, *columns, strict=True):
            digest.update("\t".join(map(str, row)).encode() + b"\n")
        images, n_images = digest.hexdigest(), predictions.n_images
        if not set(COMPARED) <= set(predictions.variants):
            return cls(images, None, None, n_images)
        right = predictions.correct(1)[:, [predictions.variants.index(name) for name in COMPARED]]
        groups = [[CLEAN], *([v.name for v in levels(held.distortion)] for held in LADDERS)]
        counts = [
            right[:, [COMPARED.index(name) for name in group]].sum(axis=1) for group in groups
        ]
        hits = np.stack(counts, axis=1).astype(np.int8)
        return cls(images, hits, np.packbits(right.T, axis=1), n_images)


def levels(distortion: str) -> list[Variant]:
    """List the scored levels of a distortion."""
    return [v for v in scored_variants() if v.distortion == distortion]
