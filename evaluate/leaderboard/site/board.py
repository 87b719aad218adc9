"""Define what the site shows: entries with their facts, hits and standing."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry import Entry
from imagenetq.evaluate.leaderboard.entry.submission import Submission
from imagenetq.evaluate.results.scores import scored_levels
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, scored_variants

Kind = Literal["ranked", "unranked", "demonstration"]

COMPARED = (CLEAN, *(v.name for v in scored_variants()))
"""Names of the variants that two entries are compared on: clean, and the 49 scored ones."""


class Dataset(NamedTuple):
    """What entries must share to be compared: the same pixels of the same photographs."""

    version: str
    """Version of the dataset."""

    specification_digest: str
    """Digest of the specification of the distortions."""

    source_digest: str | None
    """Digest of the clean photographs; None if they were not read."""

    subset: str | None
    """`full`, `mini` or `sample`; None if the photographs are none of these subsets."""


@dataclass(frozen=True, eq=False)
class Hits:
    """What one model recognised, in 13 bytes a photograph, where the predictions take 2,000."""

    photographs: str
    """SHA-256 over the photographs' ids, labels and sizes; entries that share it can be paired."""

    n_images: int
    """Number of photographs."""

    counts: NDArray[np.int8] | None
    """int8 of shape (n, 6): for each photograph 1 or 0 for the clean image, then for each
    distortion in ladder order at how many scored levels it was recognised. None if a scored
    variant, or clean, was not evaluated."""

    right: NDArray[np.uint8] | None
    """uint8 of shape (50, n / 8, rounded up): for each of `COMPARED` a bit for each photograph, the
    first the highest of a byte, which says whether it was recognised. None if `counts` is None."""

    @classmethod
    def of(cls, predictions: Predictions) -> "Hits":
        """Count what predictions recognise."""
        digest = hashlib.sha256()
        columns = (predictions.labels.tolist(), predictions.short_sides.tolist())
        for row in zip(predictions.image_ids, *columns, strict=True):
            digest.update("\t".join(map(str, row)).encode() + b"\n")
        if not set(COMPARED) <= set(predictions.variants):
            return cls(digest.hexdigest(), predictions.n_images, None, None)
        right = predictions.correct(1)[:, [predictions.variants.index(name) for name in COMPARED]]
        groups = [[CLEAN], *([v.name for v in scored_levels(one.distortion)] for one in LADDERS)]
        counts = [
            right[:, [COMPARED.index(name) for name in group]].sum(axis=1) for group in groups
        ]
        return cls(
            digest.hexdigest(),
            predictions.n_images,
            np.stack(counts, axis=1).astype(np.int8),
            np.packbits(right.T, axis=1),
        )


@dataclass(frozen=True, eq=False)
class Standing:
    """One entry as the board holds it."""

    name: str
    """Name of the entry's folder, by which the site knows the entry."""

    submission: Submission
    """What its submitter says; unchecked, and from anyone."""

    entry: Entry
    """What was evaluated, by what, and with what result."""

    hits: Hits | None
    """What it recognised, which paired comparisons need; None if that is not at hand."""

    is_registered: bool
    """Whether its source is an official one."""

    unranked: str | None
    """Why it has no rank; None if nothing keeps it from one."""

    @property
    def kind(self) -> Kind:
        """Whether it is ranked, of an official source but not ranked, or a demonstration."""
        if not self.is_registered:
            return "demonstration"
        return "ranked" if self.unranked is None else "unranked"

    @property
    def dataset(self) -> Dataset:
        """The dataset whose pixels it was evaluated on."""
        entry = self.entry
        return Dataset(
            entry.dataset_version, entry.specification_digest, entry.source_digest, entry.subset
        )

    @property
    def score(self) -> float | None:
        """The ImageNet-Q score, 0 to 1; None where a scored variant is missing."""
        score = self.entry.scores.score
        return None if score is None else score.value


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the table, whose entries can be compared."""

    kind: Kind
    dataset: Dataset
    standings: tuple[Standing, ...]
    """Its standings, the best score first."""


@dataclass(frozen=True, eq=False)
class Board:
    """All entries that the site shows."""

    standings: tuple[Standing, ...]
    """All standings in any order, on which the site does not depend."""

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """All sections: ranked ones first, demonstrations last; larger subsets before smaller."""
        together: defaultdict[tuple[Kind, Dataset], list[Standing]] = defaultdict(list)
        for standing in sorted(self.standings, key=_strength):
            together[standing.kind, standing.dataset].append(standing)
        return tuple(Section(*key, tuple(together[key])) for key in sorted(together, key=_order))

    @cached_property
    def ordered(self) -> tuple[Standing, ...]:
        """All standings as the table first shows them; their places are the site's numbers."""
        return tuple(standing for section in self.sections for standing in section.standings)

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """All datasets, in the sections' order."""
        return tuple(dict.fromkeys(section.dataset for section in self.sections))


def _order(key: tuple[Kind, Dataset]) -> tuple[int, int, str, str, str]:
    kind, dataset = key
    kinds, subsets = get_args(Kind), ("full", "mini", "sample", None)
    newest_first = "".join(f"{999_999 - int(part):06}" for part in dataset.version.split("."))
    return (
        kinds.index(kind),
        subsets.index(dataset.subset),
        newest_first,
        dataset.source_digest or "",
        dataset.specification_digest,
    )


def _strength(standing: Standing) -> tuple[float, str]:
    return (1.0 if standing.score is None else -standing.score, standing.name)
