"""Define what every kind of evaluation data does: say what it is, and cut itself into tasks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from imagenetq.distortions import Pixels
from imagenetq.errors import UsageError
from imagenetq.manifest import BadImageNote
from imagenetq.specification import CLEAN, Variant


class SampleInfo(NamedTuple):
    """What is known of a sample, which is one variant of a photograph, besides its pixels.

    It is a tuple, because there is one for every image, and a data class would take three times as
    long.
    """

    task: str
    """Key of the task that it belongs to."""

    image_id: str
    """Id of the photograph."""

    wnid: str
    """WordNet id of the photograph's class, such as `n01440764`."""

    variant: str
    """Name of the variant."""

    label: int
    """Number of the photograph's class, 0 to 999."""

    short_side: int
    """Shorter side of the image, in pixels."""

    pixel_sha256: str | None
    """SHA-256 of the pixels; None for an image that was rendered and is not the clean one."""

    def of_variants(self, names: Sequence[str]) -> "list[SampleInfo]":
        """Make the infos of variants that are rendered of this clean image."""
        task, image_id, wnid, _, label, short_side, _ = self
        # Without the call of Python's that a named tuple's constructor is.
        make = tuple.__new__
        return [
            self
            if name == CLEAN
            else make(SampleInfo, (task, image_id, wnid, name, label, short_side, None))
            for name in names
        ]

    @classmethod
    def of_columns(cls, task: str, columns: Mapping[str, Sequence[Any]]) -> tuple[Self, ...]:
        """Make a task's infos of the columns that `columns_of` makes."""
        fields = (columns[name] for name in COLUMNS)
        return tuple(cls(task, *row) for row in zip(*fields, strict=True))


COLUMNS = SampleInfo._fields[1:]
"""Fields of an info that are stored: all but the task, after which the file is named."""


def columns_of(infos: Sequence[SampleInfo]) -> dict[str, list[Any]]:
    """Give the stored fields of infos, each as a column."""
    _, *columns = zip(*infos, strict=True) if infos else [()] * len(SampleInfo._fields)
    return dict(zip(COLUMNS, map(list, columns), strict=True))


@dataclass(frozen=True)
class Sample:
    """One image, ready to be preprocessed."""

    info: SampleInfo
    """What is known of it."""

    pixels: Pixels
    """The image's RGB samples: uint8 of shape (height, width, 3)."""


@dataclass(frozen=True)
class CleanImage(Sample):
    """One photograph, as its clean variant, whose variants the device renders."""

    variants: tuple[str, ...]
    """Names of the variants to render, in ladder order."""


class Task(ABC):
    """A piece of a dataset that one worker reads from beginning to end; must be picklable."""

    key: str
    """Name of the task, unique and the same in every run. It also names the file that keeps the
    task's predictions, so it consists of letters, digits, dots and dashes."""

    n_samples: int | None
    """Number of samples that the task yields; None if only reading them tells."""

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """Yield every sample once, in row order, even if connections are lost meanwhile.

        Raises:
            FolderError: a shard is damaged, or a row's pixels are not those of its hash.
            OSError: the storage failed for good.
        """

    @property
    def work(self) -> int:
        """The amount of work, in any unit that all tasks of the same data share."""
        return self.n_samples or 0

    def fingerprint(self) -> str | None:
        """Hash all that decides the samples, without rendering them; give None if it is unknown."""
        return None

    def items(self) -> Iterator[Sample]:
        """Yield what stands for each sample: itself, or a `CleanImage` that the device renders."""
        return self.samples()

    def rendered_on_device(self, most_pixels: Mapping[str, float]) -> "Task":
        """Make the same task, but with `items` that leave variants to the device to render.

        A task that reads stored images renders nothing and stays as it is.

        Args:
            most_pixels: the variants that the device renders, by name, each with the most pixels
                that a photograph may have; workers render those of larger photographs.
        """
        del most_pixels
        return self


@dataclass(frozen=True)
class Identity:
    """The facts that identify a dataset, as an entry records them."""

    dataset_version: str
    """Version of the dataset: MAJOR.MINOR.PATCH."""

    specification_digest: str
    """Digest of the specification that the dataset's pixels follow."""

    source_digest: str | None = None
    """SHA-256 over the dataset's clean lines; None if only a full pass tells."""

    subset: str | None = None
    """`full`, `mini` or `sample`; None if the dataset does not say."""

    n_images: int | None = None
    """Number of photographs; None if only a full pass tells."""


class Data(ABC):
    """A dataset to evaluate on: stored shards, or photographs to render variants from."""

    identity: Identity
    """The facts that identify the dataset."""

    variants: tuple[Variant, ...]
    """Variants that the dataset can give, in ladder order."""

    is_rendered: bool = False
    """Whether the variants are rendered when they are asked for, rather than stored."""

    @property
    def bad_images(self) -> Sequence[BadImageNote]:
        """The photographs that were left out as bad, known once tasks have been made."""
        return ()

    @abstractmethod
    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        """Cut the dataset into tasks that together hold each photograph and variant exactly once.

        Args:
            variants: the ones wanted, all of them among `self.variants`.
            limit: how many photographs to take at most. They are the first ones, which are
                balanced over classes; None takes all.

        Raises:
            UsageError: a variant is not held, or the limit is below 1.
        """

    def _require_available(self, wanted: Sequence[Variant], limit: int | None, name: str) -> None:
        """Refuse variants that the dataset, called `name` in errors, lacks, and limits below 1."""
        for variant in wanted:
            if variant not in self.variants:
                families = ", ".join(dict.fromkeys(v.distortion for v in self.variants))
                raise UsageError(
                    f"{name}: holds no {variant.name}, only {len(self.variants)} variants of "
                    f"{families}; ask for those, or build it with them"
                )
        if limit is not None and limit < 1:
            raise UsageError(f"a limit of {limit} photographs; at least 1 is needed")
