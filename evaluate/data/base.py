"""What every kind of evaluation data does: say what it is, and hand out pieces of itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imagenetq.distortions import Pixels
from imagenetq.manifest import BadImageNote
from imagenetq.specification import Variant


@dataclass(frozen=True)
class Sample:
    """One image of one variant, ready to be preprocessed."""

    image_id: str
    """The original's id."""

    wnid: str
    """Its class."""

    variant: str
    """The variant's name."""

    label: int
    """0 to 999."""

    pixels: Pixels
    """RGB samples, shape (height, width, 3)."""

    pixel_sha256: str | None
    """Of the pixels; None where it is not known and was not asked for."""


@dataclass(frozen=True)
class Undistorted:
    """One image whose variants the device renders."""

    image_id: str
    """The original's id."""

    wnid: str
    """Its class."""

    label: int
    """0 to 999."""

    pixels: Pixels
    """The original's RGB samples, shape (height, width, 3)."""

    pixel_sha256: str
    """Of the pixels."""

    variants: tuple[str, ...]
    """The names of those to render, in ladder order."""


class Task(ABC):
    """A piece of a dataset that one worker reads from beginning to end; must be picklable."""

    key: str
    """Unique and the same in every run; names the file that keeps its predictions, so it consists
    of letters, digits, dots and dashes."""

    n_samples: int | None
    """How many samples it yields; None if only reading it tells."""

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """Every sample once, in row order, whatever the network does meanwhile.

        Raises:
            FolderError: a shard is damaged, or a row's pixels are not those of its hash.
            OSError: the storage failed for good.
        """

    @property
    def work(self) -> int:
        """How much there is to do, against other tasks of the same data; in any unit."""
        return self.n_samples or 0

    def fingerprint(self) -> str | None:
        """A hash of all that decides the samples, without rendering them; None if unknown."""
        return None

    def items(self) -> Iterator[Sample | Undistorted]:
        """What stands for every sample once: itself, or the image that the device renders."""
        return self.samples()

    def rendered_on_device(self, most_pixels: Mapping[str, float]) -> "Task":
        """The same task, whose `items` leave variants to the device if they are rendered at all.

        Args:
            most_pixels: by the names of the variants that the device renders: how many an image
                may have; larger ones stay with the workers.
        """
        del most_pixels
        return self


@dataclass(frozen=True)
class Identity:
    """What a dataset is, for the entry."""

    dataset_version: str
    """MAJOR.MINOR.PATCH."""

    specification_digest: str
    """Of its pixels' specification."""

    source_digest: str | None
    """Over its clean lines; None if it is known only after a full pass."""

    subset: str | None
    """`full`, `mini` or `sample`."""

    n_images: int | None
    """Originals; None if only a full pass tells."""


class Data(ABC):
    """A dataset to evaluate on: stored shards, or clean images to render from."""

    identity: Identity
    """What it is."""

    variants: tuple[Variant, ...]
    """What it can give, in ladder order."""

    is_rendered: bool = False
    """Whether its variants are rendered as they are asked for, not stored."""

    @property
    def bad_images(self) -> Sequence[BadImageNote]:
        """The originals that were left out as bad, known once tasks have been made."""
        return ()

    @abstractmethod
    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        """Cut the dataset into tasks which together hold each (image, variant) exactly once.

        Args:
            variants: the ones wanted, all of them among `self.variants`.
            limit: only the first so many photographs, which are balanced over classes.
        """
