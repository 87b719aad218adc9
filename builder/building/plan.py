"""The plan of a build: which images, in which units, into which files."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import zip_longest
from typing import Literal

from pydantic import Field

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import shard_format
from imagenetq.builder.shards.image_files import JPEG, WEBP
from imagenetq.builder.sources import Source
from imagenetq.decoding import decode, is_jpeg
from imagenetq.errors import BadImage, FolderError
from imagenetq.manifest import Model, Sha256
from imagenetq.progress import working
from imagenetq.provenance import library_versions
from imagenetq.selection import RankedImage, Selection, select, subset_of
from imagenetq.shards import SHARD_ROWS
from imagenetq.specification import (
    DATASET_VERSION,
    Variant,
    select_variants,
    specification_digest,
)

UNIT = SHARD_ROWS
"""Images a unit: the unit of work, and of files."""


class PlannedImage(Model):
    """One original."""

    image_id: str
    """Its id."""

    wnid: str
    """Its class."""

    rank: int
    """Its place in the class."""

    name: str
    """What the source calls it; may change when a source moves."""

    file_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the original file; None if it could not be read."""

    def source_image(self) -> RankedImage:
        """The image as its source knows it."""
        return RankedImage(self.image_id, self.wnid, self.name, self.rank)


class Plan(Model):
    """All that decides a build's rows and bytes."""

    dataset_version: str
    """Of the dataset."""

    specification_digest: str = Sha256
    """Of the specification."""

    subset: Literal["full", "mini", "sample"]
    """Which."""

    source: str
    """The source's kind."""

    format: Literal["parquet", "webdataset"]
    """Of the shards."""

    variants: tuple[str, ...]
    """Their names, in ladder order."""

    clean_extension: Literal["jpg", "webp"]
    """`jpg` if all originals are JPEG, else `webp`."""

    versions: dict[str, str]
    """Of the libraries."""

    classes_absent: tuple[str, ...]
    """Wnids of which the source has no image."""

    classes_short: dict[str, int]
    """Classes with too few photographs, and how many."""

    images: tuple[PlannedImage, ...]
    """In row order."""

    def ladder(self) -> tuple[Variant, ...]:
        """The variants to build, in ladder order."""
        return select_variants(self.variants)

    def units(self) -> list["Unit"]:
        """The independent pieces of work."""
        return [
            Unit(index=index, images=self.images[start : start + UNIT])
            for index, start in enumerate(range(0, len(self.images), UNIT))
        ]

    def shard_path(self, unit: int, variant: str) -> str:
        """A shard's path, relative to the dataset folder."""
        n_shards = -(-len(self.images) // UNIT)
        name = shard_format(self.format).file_name(unit, n_shards)
        return f"data/{variant}/{name}"


class Unit(Model):
    """One piece of work: up to 100 images, one shard of each variant."""

    index: int
    """From 0."""

    images: tuple[PlannedImage, ...]
    """In row order."""


def select_images(source: Source, subset: str | None, *, allow_short: bool) -> Selection:
    """Choose a source's photographs.

    Args:
        source: to choose from.
        subset: `full` or `mini`; the source's default if None.
        allow_short: record classes with too few photographs instead of refusing them.

    Raises:
        UsageError: no such subset, or `sample` of anything but the sample.
        SourceError: the source cannot be read, or has too few photographs.
    """
    chosen = subset_of(subset, source.default_subset)
    with working("listing the photographs"):
        return select(source.images(), chosen, allow_short=allow_short)


def make_plan(
    source: Source,
    selection: Selection,
    *,
    format_name: str,
    variants: Sequence[Variant],
    advance: Callable[[int], None],
) -> Plan:
    """Read every original once, to fingerprint it and to learn which are JPEG files.

    Args:
        source: where to read from; remote originals must have been fetched.
        selection: the images.
        format_name: of the shards.
        variants: to build.
        advance: called with 1 for each image read.
    """
    images = []
    all_jpeg = True
    for image in selection.images:
        fingerprint, other_format = _inspect(source, image)
        all_jpeg = all_jpeg and not other_format
        images.append(
            PlannedImage(
                image_id=image.image_id,
                wnid=image.wnid,
                rank=image.rank,
                name=image.name,
                file_sha256=fingerprint,
            )
        )
        advance(1)
    return Plan.model_validate(
        {
            "dataset_version": DATASET_VERSION,
            "specification_digest": specification_digest(),
            "subset": selection.subset,
            "source": source.kind,
            "format": format_name,
            "variants": tuple(variant.name for variant in variants),
            "clean_extension": JPEG if all_jpeg else WEBP,
            "versions": library_versions(),
            "classes_absent": selection.absent,
            "classes_short": selection.short,
            "images": tuple(images),
        }
    )


def require_same(folder: DatasetFolder, begun: Plan, wanted: Plan) -> None:
    """Refuse to go on with a folder that was begun otherwise.

    Where the source lies does not matter, and an original may be replaced as long as nothing was
    rendered from it: that is asked of each finished unit.

    Raises:
        FolderError: names the first difference.
    """
    # Images before what follows from them: the nearest cause makes the clearest message.
    for field in ("source", "images", *Plan.model_fields):
        if field == "images":
            before, now = _first_difference(begun, wanted)
        else:
            before, now = str(getattr(begun, field)), str(getattr(wanted, field))
        if before != now:
            raise FolderError(
                f"{folder} was begun with {_other(field)} "
                f"({_shorten(before)}; now {_shorten(now)}); give another --out, "
                "or build as it was begun"
            )


def _other(field: str) -> str:
    return "other photographs" if field == "images" else f"another {field.replace('_', ' ')}"


def _first_difference(begun: Plan, wanted: Plan) -> tuple[str, str]:
    """The first image that differs, as it was and as it is now; twice nothing if none does."""
    pairs = zip_longest(_identities(begun), _identities(wanted))
    for place, (before, now) in enumerate(pairs, start=1):
        if before != now:
            return f"number {place} is {_called(before)}", _called(now)
    return "", ""


def _called(identity: tuple[str, str, int] | None) -> str:
    return "none" if identity is None else f"{identity[0]} {identity[1]}, rank {identity[2]}"


def _identities(plan: Plan) -> list[tuple[str, str, int]]:
    return [(image.image_id, image.wnid, image.rank) for image in plan.images]


def _shorten(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."


def _inspect(source: Source, image: RankedImage) -> tuple[str | None, bool]:
    """An original's SHA-256 (None if unreadable), and whether it is an image but not a JPEG."""
    try:
        data = source.read(image)
    except BadImage:
        return None, False
    return sha256(data).hexdigest(), not is_jpeg(data) and _is_image(data, image.name)


def _is_image(data: bytes, name: str) -> bool:
    try:
        decode(data, name)
    except BadImage:
        return False
    return True
