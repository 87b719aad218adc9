"""Build a dataset, or go on with one: plan, render in worker processes, prove and describe it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

from imagenetq.builder.building.collect import (
    BUILD_PLAN,
    begin,
    collect,
    earlier_if_same,
    full_disk_explained,
    require_own,
)
from imagenetq.builder.building.manifest_of_build import make_manifest
from imagenetq.builder.building.options import BuildOptions, Options
from imagenetq.builder.building.plan import Plan, make_plan, require_same, select_images
from imagenetq.builder.building.unit import BuildJob, complete_unit
from imagenetq.builder.building.unit_records import UnitRecord
from imagenetq.builder.card.card import write_card, write_placeholder
from imagenetq.builder.card.croissant import CROISSANT_NAME, croissant
from imagenetq.builder.executors import Work, open_executor
from imagenetq.builder.folders import DatasetFolder, open_folder
from imagenetq.builder.folders.share import Share
from imagenetq.builder.shards import shard_format
from imagenetq.builder.sources import Source
from imagenetq.manifest import MANIFEST_NAME, BadImageNote, Manifest
from imagenetq.progress import meter, say, working
from imagenetq.selection import RankedImage
from imagenetq.selfcheck import check_platform
from imagenetq.specification import select_variants

_PATTERN = re.compile(r"[*?]|\[.+\]|::")


@dataclass(frozen=True)
class ShareBuilt:
    """A share of a dataset's units that has been built."""

    share: Share
    """The share that was built."""

    units: int
    """Number of units in the share."""

    photographs: int
    """Number of photographs in these units, without those that were left out."""

    bad_images: tuple[BadImageNote, ...]
    """Photographs that were left out, and why."""


def build(source: Source, out: str | Path, **options: Unpack[BuildOptions]) -> Manifest:
    """Build a dataset, or go on with one that was interrupted.

    The result depends on the source, the subset and `only` alone: not on the executor or the
    number of workers, nor on how often the build was interrupted. Local workers are spawned
    processes, so a script that calls this needs the usual `if __name__ == "__main__":`.

    Args:
        source: where the ImageNet photographs come from.
        out: the folder, or its URL in an object store; made if absent, else empty or begun
            by the same build.
        options: `subset`, `format_name`, `only`, `workers`, `executor`, `allow_short` and
            `skip_bad`; `BuildOptions` says what they are.

    Returns:
        The manifest of the complete dataset.

    Raises:
        BuildStopped: the build is incomplete: bad photographs, a full disk, killed workers.
        FolderError: the folder cannot be used.
        SourceError: the source cannot be read.
        PlatformError: this machine renders other pixels.
        UsageError: there is no such subset, format, variant or executor.
        KeyboardInterrupt: passed on after the workers have ended and cleaned up.
    """
    with (
        _rendered(source, out, None, Options(**options)) as (folder, plan, records),
        working("writing card and manifest"),
    ):
        manifest = earlier_if_same(folder, MANIFEST_NAME, make_manifest(plan, records))
        manifest_json = manifest.to_json().encode()
        write_card(folder, manifest)
        folder.write(CROISSANT_NAME, croissant(manifest, manifest_json))
        # The last of all, because it says that all is there.
        folder.write(MANIFEST_NAME, manifest_json)
        return manifest


def build_share(
    source: Source, out: str | Path, share: Share, **options: Unpack[BuildOptions]
) -> ShareBuilt:
    """Build a share of a dataset's units, while other processes build the others.

    No share completes the dataset, not even the last one. Call `build` with the same arguments
    afterwards: it proves what is done, makes what is missing, and writes the manifest.

    Args:
        source: as for `build`; the same for all shares.
        out: as for `build`; a folder or an object store that all of them see.
        share: the share to build; no two processes may build the same one at once.
        options: as for `build`.

    Raises:
        Exception: as for `build`.
    """
    with _rendered(source, out, share, Options(**options)) as (_, _, records):
        return ShareBuilt(
            share,
            units=len(records),
            photographs=sum(len(record.originals) for record in records),
            bad_images=tuple(bad.note() for record in records for bad in record.bad_images),
        )


@contextmanager
def _rendered(
    source: Source, out: str | Path, share: Share | None, options: Options
) -> Iterator[tuple[DatasetFolder, Plan, list[UnitRecord]]]:
    """Render all units, or a share; yield the held folder, its plan, and the units' records."""
    check_platform()
    run_units = open_executor(options.executor)
    folder = open_folder(out)
    _warn_of_name(folder)
    shard_format(options.format_name)
    variants = select_variants(options.only)
    selection = select_images(source, options.subset, allow_short=options.allow_short)
    own = partial(require_own, folder, BUILD_PLAN, MANIFEST_NAME, "a dataset")
    with full_disk_explained(folder), folder.held(own, share) as hold:
        fetch_originals(source, selection.images, folder)
        with meter("reading", len(selection.images), "photographs") as progress:
            plan = make_plan(
                source,
                selection,
                format_name=options.format_name,
                variants=variants,
                advance=progress.advance,
            )
        begin(folder, BUILD_PLAN, plan, require_same)
        # Only now, because a folder with a card but without a plan is refused as somebody else's.
        if folder.size(MANIFEST_NAME) is None:
            write_placeholder(folder)
        units = plan.units() if share is None else share.of(plan.units())
        job = BuildJob(folder, source, plan, options.skip_bad)
        n_images = sum(len(unit.images) for unit in units)
        with meter("rendering", n_images, "photographs") as progress:
            work = Work(complete_unit, job, units, options.workers, progress.show)
            records = collect(folder, hold, progress, run_units(work))
        hold.require()
        yield folder, plan, records


def _warn_of_name(folder: DatasetFolder) -> None:
    """Warn in time of a path that `datasets` takes for a pattern or for a script."""
    path = Path(folder.name).absolute()
    if folder.is_local and (_PATTERN.search(str(path)) or path.suffix == ".py"):
        say(
            f"warning: {path}: load_dataset cannot open a folder whose path holds '*', '?', '[]' "
            "or '::' or ends in .py, or mixes it with others; better give another --out"
        )


def fetch_originals(source: Source, images: Sequence[RankedImage], folder: DatasetFolder) -> None:
    """Fetch a remote source's photographs to this machine, beside the dataset's other state."""
    if source.is_remote:
        with meter("fetching", len(images), "photographs") as progress:
            source.fetch(images, folder.state / "originals", progress.advance)
