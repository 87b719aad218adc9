"""Build the very dataset that a recipe describes, from one's own ImageNet, and prove it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.builder.building.build import build
from imagenetq.builder.building.manifest_of_build import pixel_lines
from imagenetq.builder.building.plan import select_images
from imagenetq.builder.building.unit_records import UnitRecord, written_records
from imagenetq.builder.folders import DatasetFolder, open_folder
from imagenetq.builder.recipe.recipe import Recipe, differences, open_recipe
from imagenetq.builder.sources import Source
from imagenetq.digests import PixelLine
from imagenetq.manifest import Manifest
from imagenetq.progress import say


@dataclass(frozen=True)
class Likeness:
    """What was built, and how it differs from its recipe."""

    manifest: Manifest
    """Manifest of what was built."""

    recipe: str
    """Name of the recipe, as the caller gave it."""

    is_equal: bool
    """Whether every pixel and label is the same."""

    differences: tuple[str, ...]
    """One line a difference; empty if there is none, or if the recipe's hashes cannot be read
    without all of its images."""


def build_like(
    source: Source,
    out: str | Path,
    recipe: str | Path,
    *,
    workers: int | None = None,
    executor: str = "local",
) -> Likeness:
    """Build what a recipe describes, or go on with that, and compare every pixel hash.

    Subset, variants and format are the recipe's. Classes that are short of photographs are taken as
    they are. If the recipe left photographs out, bad ones may be left out here too. What that
    changes is among the differences.

    Args:
        source: where the ImageNet photographs come from.
        out: as for `build`.
        recipe: as for `open_recipe`.
        workers: as for `build`.
        executor: as for `build`.

    Raises:
        UsageError: there is no such recipe, or the source cannot have its subset.
        FolderError: the recipe is damaged or of another specification; or as for `build`.
        Exception: as for `build`.
    """
    opened = open_recipe(recipe)
    wanted = opened.manifest
    listed = opened.lines() if opened.is_listed else None
    if listed is not None:
        _tell_early(source, opened, listed)
    manifest = build(
        source,
        out,
        subset=wanted.subset,
        format_name=wanted.format,
        only=list(wanted.variants),
        workers=workers,
        executor=executor,
        allow_short=True,
        skip_bad=bool(wanted.bad_images),
    )
    if manifest.pixel_digest == wanted.pixel_digest:
        return Likeness(manifest, opened.name, is_equal=True, differences=())
    expected = listed if listed is not None else opened.lines()
    actual = _lines(open_folder(out), manifest)
    named = [] if expected is None else differences(expected, actual, manifest.bad_images)
    return Likeness(manifest, opened.name, is_equal=False, differences=tuple(named))


def _tell_early(source: Source, recipe: Recipe, lines: Sequence[PixelLine]) -> None:
    """Warn of other photographs before they are rendered, which may take hours."""
    wanted = {(line.image_id, line.wnid) for line in lines}
    selection = select_images(source, recipe.manifest.subset, allow_short=True)
    available = {(image.image_id, image.wnid) for image in selection.images}
    bad = {(note.image_id, note.wnid) for note in recipe.manifest.bad_images}
    n_others = len(wanted ^ (available - bad))
    if n_others:
        say(
            f"the source has other photographs or labels than {recipe.name}: {n_others} "
            "differences, which are named when all is built"
        )


def _lines(folder: DatasetFolder, manifest: Manifest) -> list[PixelLine]:
    """List the lines that a dataset's pixel digest covers, from the records of its build."""
    first = next(iter(manifest.variants))
    n_units = sum(shard.variant == first for shard in manifest.shards)
    return pixel_lines(list(written_records(folder, n_units, UnitRecord)))
