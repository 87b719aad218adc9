"""Plan a build: which photographs, in which units, into which files."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import zip_longest
from typing import Literal

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import shard_format
from imagenetq.builder.shards.image_files import JPEG, WEBP
from imagenetq.builder.sources import Source
from imagenetq.choices import Format, Subset
from imagenetq.decoding import decode, is_jpeg
from imagenetq.errors import BadImage, FolderError
from imagenetq.manifest import Model, Sha256
from imagenetq.progress import working
from imagenetq.provenance import library_versions
from imagenetq.selection import RankedImage, Selection, select, subset_of
from imagenetq.shards import SHARD_ROWS
from imagenetq.specification import DATASET_VERSION, Variant, select_variants, specification_digest

UNIT = SHARD_ROWS
"""Photographs of a unit, and so rows of each of its shards."""


class PlannedImage(Model):
    """One photograph of a plan."""

    image_id: str
    wnid: str
    rank: int
    name: str
    """The source's name of the photograph; may change when the source moves."""

    file_sha256: str | None = Sha256
    """SHA-256 of the original file; None if it could not be read."""

    def source_image(self) -> RankedImage:
        """Give the photograph as its source knows it."""
        return RankedImage(self.image_id, self.wnid, self.name, self.rank)


class Plan(Model):
    """All that decides a build's rows and bytes."""

    dataset_version: str
    specification_digest: str = Sha256
    subset: Subset
    source: str
    """Kind of the source."""

    format: Format
    variants: tuple[str, ...]
    """Names of the variants to build, in ladder order."""

    clean_extension: Literal["jpg", "webp"]
    """`jpg` if all originals are JPEG, else `webp`."""

    versions: dict[str, str]
    classes_absent: tuple[str, ...]
    """Wnids of the classes of which the source has no photograph."""

    classes_short: dict[str, int]
    """Wnids of the classes with too few photographs, and how many each has."""

    images: tuple[PlannedImage, ...]
    """Photographs in row order."""

    def ladder(self) -> tuple[Variant, ...]:
        """List the variants to build, in ladder order."""
        return select_variants(self.variants)

    def units(self) -> list["Unit"]:
        """Cut the photographs into independent pieces of work."""
        return [
            Unit(index=index, images=self.images[start : start + UNIT])
            for index, start in enumerate(range(0, len(self.images), UNIT))
        ]

    def shard_path(self, unit: int, variant: str) -> str:
        """Give a shard's path, relative to the dataset folder."""
        n_shards = -(-len(self.images) // UNIT)
        name = shard_format(self.format).file_name(unit, n_shards)
        return f"data/{variant}/{name}"


class Unit(Model):
    """One piece of work: up to 100 photographs, one shard of each variant."""

    index: int
    """Number of the unit, from 0."""

    images: tuple[PlannedImage, ...]
    """Photographs of the unit, in row order."""


def select_images(source: Source, subset: str | None, *, allow_short: bool) -> Selection:
    """Choose a source's photographs, as `select` does; of its default subset if that is None."""
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
    """Read every photograph once, to fingerprint it and to learn whether all are JPEG files.

    Remote ones must have been fetched; `advance` is called with 1 for each.
    """
    images = []
    all_jpeg = True
    for image in selection.images:
        fingerprint = None
        with suppress(BadImage):
            data = source.read(image)
            fingerprint = sha256(data).hexdigest()
            if all_jpeg and not is_jpeg(data):
                decode(data, image.name)
                all_jpeg = False
        images.append(PlannedImage(**vars(image), file_sha256=fingerprint))
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

    Where the source lies does not matter. Nor does the file of a photograph, as long as nothing was
    rendered from it: that is checked for each finished unit.
    """
    # Photographs come before what follows from them: the nearest cause is the clearest message.
    for field in ("source", "images", *Plan.model_fields):
        if field == "images":
            other, (before, now) = "other photographs", _first_difference(begun, wanted)
        else:
            other = f"another {field.replace('_', ' ')}"
            before, now = str(getattr(begun, field)), str(getattr(wanted, field))
        if before != now:
            raise FolderError(
                f"{folder} was begun with {other} ({_shorten(before)}; now {_shorten(now)}); "
                "give another --out, or build as it was begun"
            )


def _first_difference(begun: Plan, wanted: Plan) -> tuple[str, str]:
    """Describe the first photograph that differs, before and now; empty strings if none does."""
    before, now = (
        [f"{image.image_id} {image.wnid}, rank {image.rank}" for image in plan.images]
        for plan in (begun, wanted)
    )
    for number, (one, other) in enumerate(zip_longest(before, now, fillvalue="none"), start=1):
        if one != other:
            return f"number {number} is {one}", other
    return "", ""


def _shorten(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."
