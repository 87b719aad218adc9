"""Build a dataset, or go on with one: plan, render in worker processes, prove and describe it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from imagenetq.builder.building.collect import (
    BUILD_PLAN,
    collect,
    full_disk_explained,
    require_own,
)
from imagenetq.builder.building.manifest_of_build import make_manifest
from imagenetq.builder.building.plan import Plan, make_plan, require_same, select_images
from imagenetq.builder.building.unit import Job, complete_unit
from imagenetq.builder.building.unit_records import UnitRecord
from imagenetq.builder.card.card import write_card, write_placeholder
from imagenetq.builder.card.croissant import CROISSANT_NAME, croissant
from imagenetq.builder.executors import open_executor
from imagenetq.builder.folders import DatasetFolder, open_folder
from imagenetq.builder.folders.share import Share
from imagenetq.builder.shards import shard_format
from imagenetq.builder.sources import Source
from imagenetq.errors import FolderError
from imagenetq.manifest import MANIFEST_NAME, BadImageNote, Manifest
from imagenetq.progress import meter, say, working
from imagenetq.selection import RankedImage
from imagenetq.selfcheck import check_platform
from imagenetq.specification import select_variants, variants

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


class BuildOptions(TypedDict, total=False):
    """The keyword arguments of `build`, which says what each of them is."""

    subset: str | None
    format_name: str
    only: Iterable[str] | None
    workers: int | None
    executor: str
    allow_short: bool
    skip_bad: bool


def build(
    source: Source,
    out: str | Path,
    *,
    subset: str | None = None,
    format_name: str = "parquet",
    only: Iterable[str] | None = None,
    workers: int | None = None,
    executor: str = "local",
    allow_short: bool = False,
    skip_bad: bool = False,
) -> Manifest:
    """Build a dataset, or go on with one that was interrupted.

    The result depends on the source, the subset and `only` alone: not on the executor or the
    number of workers, nor on how often the build was interrupted. Local workers are spawned
    processes, so a script that calls this needs the usual `if __name__ == "__main__":`.

    Args:
        source: where the ImageNet photographs come from.
        out: the folder, or its URL in an object store; made if absent, else empty or begun
            by the same build.
        subset: `full` or `mini`; the source's default if left out.
        format_name: `parquet` or `webdataset`.
        only: variants and distortions to build; all if left out.
        workers: number of units built at once; one a core if left out.
        executor: `local` for processes of this machine, or `ray`.
        allow_short: record classes with too few photographs instead of refusing them.
        skip_bad: leave bad photographs out and record them, instead of ending incomplete.

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
        _rendered(
            source,
            out,
            None,
            subset=subset,
            format_name=format_name,
            only=only,
            workers=workers,
            executor=executor,
            allow_short=allow_short,
            skip_bad=skip_bad,
        ) as (folder, plan, records),
        working("writing card and manifest"),
    ):
        return _finish(folder, plan, records)


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
    with _rendered(source, out, share, **options) as (_, _, records):
        return ShareBuilt(
            share,
            units=len(records),
            photographs=sum(len(record.originals) for record in records),
            bad_images=tuple(bad.note() for record in records for bad in record.bad_images),
        )


@contextmanager
def _rendered(
    source: Source,
    out: str | Path,
    share: Share | None,
    *,
    subset: str | None = None,
    format_name: str = "parquet",
    only: Iterable[str] | None = None,
    workers: int | None = None,
    executor: str = "local",
    allow_short: bool = False,
    skip_bad: bool = False,
) -> Iterator[tuple[DatasetFolder, Plan, list[UnitRecord]]]:
    """Render all units, or a share; yield the held folder, its plan, and the units' records."""
    check_platform()
    run_units = open_executor(executor)
    folder = open_folder(out)
    _warn_of_name(folder)
    shard_format(format_name)
    ladder = variants() if only is None else select_variants(only)
    selection = select_images(source, subset, allow_short=allow_short)
    n_images = len(selection.images)
    with (
        full_disk_explained(folder),
        folder.held(
            lambda: require_own(folder, BUILD_PLAN, MANIFEST_NAME, "a dataset"), share
        ) as hold,
    ):
        fetch_originals(source, selection.images, folder)
        with meter("reading", n_images, "photographs") as progress:
            plan = make_plan(
                source,
                selection,
                format_name=format_name,
                variants=ladder,
                advance=progress.advance,
            )
        _begin(folder, plan)
        units = plan.units() if share is None else share.of(plan.units())
        job = Job(folder, source, plan, skip_bad)
        n_images = sum(len(unit.images) for unit in units)
        with meter("rendering", n_images, "photographs") as progress:
            results = run_units(complete_unit, job, units, workers=workers, on_tally=progress.show)
            records = collect(folder, hold, progress, results)
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


def _begin(folder: DatasetFolder, plan: Plan) -> None:
    """Record the plan, or require that it is the one that the folder was begun with."""
    if folder.size(BUILD_PLAN) is not None:
        try:
            begun = folder.model(Plan, BUILD_PLAN)
        except FolderError as damaged:
            raise FolderError(f"{damaged}; remove {folder} and build again") from None
        require_same(folder, begun, plan)
    folder.write(BUILD_PLAN, plan.model_dump_json().encode())
    # Only now, because a folder with a card but without a plan is refused as somebody else's.
    if folder.size(MANIFEST_NAME) is None:
        write_placeholder(folder)


def _finish(folder: DatasetFolder, plan: Plan, records: list[UnitRecord]) -> Manifest:
    """Write card, `croissant.json` and manifest; the manifest last: it says that all is there."""
    manifest = make_manifest(plan, records)
    before = _manifest_of(folder)
    if before is not None and before == manifest.model_copy(update={"code": before.code}):
        # Nothing was rendered anew, so the code that did is still the one it names.
        manifest = before
    manifest_json = manifest.to_json().encode()
    write_card(folder, manifest)
    folder.write(CROISSANT_NAME, croissant(manifest, manifest_json))
    folder.write(MANIFEST_NAME, manifest_json)
    return manifest


def _manifest_of(folder: DatasetFolder) -> Manifest | None:
    try:
        return folder.manifest()
    except FolderError:
        return None
