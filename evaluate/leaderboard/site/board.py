"""What the site shows: entries, each with its facts, its answers and whether it is ranked."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from imagenetq.entry import Entry
from imagenetq.evaluate.leaderboard.entry.submission import Submission
from imagenetq.evaluate.leaderboard.site.hits import Answers

Kind = Literal["ranked", "unranked", "demonstration"]


class Dataset(NamedTuple):
    """What entries must share to be compared: the same pixels of the same photographs."""

    version: str
    """Of the dataset."""

    specification_digest: str
    """Of the distortions."""

    source_digest: str | None
    """Of the clean photographs; None if they were not read."""

    subset: str | None
    """`full`, `mini` or `sample`; None if they are none of them."""


@dataclass(frozen=True, eq=False)
class Standing:
    """One entry as the board holds it."""

    name: str
    """Of its folder; its page bears it too."""

    submission: Submission
    """What its submitter says; unchecked, and from anyone."""

    entry: Entry
    """What was evaluated, by what, and with what result."""

    answers: Answers | None
    """To each image, which paired comparisons need; None if they are not at hand."""

    is_registered: bool
    """Whether its source is an official one."""

    unranked: str | None
    """Why it has no rank; None if it has."""

    @property
    def kind(self) -> Kind:
        """Ranked; of an official source but not ranked; or a demonstration."""
        if not self.is_registered:
            return "demonstration"
        return "ranked" if self.unranked is None else "unranked"

    @property
    def dataset(self) -> Dataset:
        """Of which pixels it is."""
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
    """The part of the table whose entries belong together."""

    kind: Kind
    """Of all its standings."""

    dataset: Dataset
    """Of all its standings."""

    standings: tuple[Standing, ...]
    """Best score first."""


@dataclass(frozen=True, eq=False)
class Board:
    """All entries."""

    standings: tuple[Standing, ...]
    """In any order; the site does not depend on it."""

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Ranked entries first, demonstrations last; larger subsets before smaller ones."""
        held: dict[tuple[Kind, Dataset], list[Standing]] = {}
        for standing in self.standings:
            held.setdefault((standing.kind, standing.dataset), []).append(standing)
        order = sorted(held, key=_place)
        return tuple(Section(*key, tuple(sorted(held[key], key=_strength))) for key in order)

    @cached_property
    def ordered(self) -> tuple[Standing, ...]:
        """All standings as the table first shows them; their places are the site's numbers."""
        return tuple(standing for section in self.sections for standing in section.standings)

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """All datasets, in the sections' order."""
        return tuple(dict.fromkeys(section.dataset for section in self.sections))


def _place(key: tuple[Kind, Dataset]) -> tuple[int, int, str, str, str]:
    kind, dataset = key
    kinds: tuple[Kind, ...] = ("ranked", "unranked", "demonstration")
    subsets = ("full", "mini", "sample", None)
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
