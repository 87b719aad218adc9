"""Build a dataset: plan, render in worker processes, prove, describe. Resumes by itself."""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from imagenetq.builder.card import write_card, write_placeholder
from imagenetq.builder.folders import STATE, DatasetFolder, Hold, open_folder
from imagenetq.builder.plan import Plan, make_plan, require_same, select_images
from imagenetq.builder.records import UnitRecord
from imagenetq.builder.shards import shard_format
from imagenetq.builder.sources import Source
from imagenetq.builder.summary import make_manifest
from imagenetq.builder.unit import Job, complete_unit
from imagenetq.builder.workers import run_units
from imagenetq.errors import BuildStopped, FolderError
from imagenetq.manifest import MANIFEST_NAME, BadImageNote, Manifest
from imagenetq.progress import Meter, meter, say, usable_cores
from imagenetq.selection import RankedImage
from imagenetq.selfcheck import check_platform
from imagenetq.specification import select_variants, variants

_PLAN = f"{STATE}/plan.json"
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def build(
    source: Source,
    out: str | Path,
    *,
    subset: str | None = None,
    format_name: str = "parquet",
    only: Iterable[str] | None = None,
    workers: int | None = None,
    allow_short: bool = False,
    skip_bad: bool = False,
) -> Manifest:
    """Build a dataset, or go on with one that was interrupted.

    The result depends on the source, the subset and `only` alone: not on the number of workers,
    nor on how often the build was interrupted. Workers are spawned processes, so a script that
    calls this needs the usual `if __name__ == "__main__":`.

    Args:
        source: where the ImageNet images come from.
        out: the folder, or its URL in an object store; made if absent, else empty or begun
            by the same build.
        subset: `full` or `mini`; the source's default if left out.
        format_name: `parquet` or `webdataset`.
        only: variants and distortions to build; all if left out.
        workers: processes; one a core if left out.
        allow_short: record classes with too few images instead of refusing them.
        skip_bad: leave bad images out, and record them, instead of ending incomplete.

    Returns:
        The manifest of the complete dataset.

    Raises:
        BuildStopped: the build is incomplete: bad images, a full disk, a killed worker.
        FolderError: the folder cannot be used.
        SourceError: the source cannot.
        PlatformError: this machine renders other pixels.
        KeyboardInterrupt: passed on after the workers have ended and cleaned up.
    """
    check_platform()
    folder = open_folder(out)
    shard_format(format_name)
    ladder = variants() if only is None else select_variants(only)
    selection = select_images(source, subset, allow_short=allow_short)
    n_images = len(selection.images)
    with _full_disk_explained(folder), _held(folder) as hold:
        fetch_originals(source, selection.images, folder)
        with meter("reading", n_images) as progress:
            plan = make_plan(
                source,
                selection,
                format_name=format_name,
                variants=ladder,
                advance=progress.advance,
            )
        _begin(folder, plan)
        with meter("rendering", n_images) as progress:
            records = _render(Job(folder, source, plan, skip_bad), hold, workers, progress)
        hold.require()
        return _finish(folder, plan, records)


def fetch_originals(source: Source, images: Sequence[RankedImage], folder: DatasetFolder) -> None:
    """Bring a remote source's originals to this machine, beside the dataset's other state."""
    if source.is_remote:
        with meter("fetching", len(images)) as progress:
            source.fetch(images, folder.state / "originals", progress.advance)


@contextmanager
def _held(folder: DatasetFolder) -> Iterator[Hold]:
    """Hold the folder, if it is ours, against a second build."""
    with folder.held(lambda: _require_own(folder)) as hold:
        yield hold


def _require_own(folder: DatasetFolder) -> None:
    """Refuse a place that is not an empty folder, nor one that a build has begun."""
    names = folder.names()
    if STATE in names and folder.size(_PLAN) is not None:
        return
    if MANIFEST_NAME in names:
        raise FolderError(
            f"{folder} is a dataset without the {STATE} folder of its build; verify it, "
            "or give another --out"
        )
    # A build that was killed in its first second has left its lock, or a fetched original.
    if names - {STATE}:
        raise FolderError(f"{folder} holds other files; give an empty or a new folder as --out")


def _begin(folder: DatasetFolder, plan: Plan) -> None:
    """Record the plan, or demand that it is the one that the folder was begun with."""
    if folder.size(_PLAN) is not None:
        try:
            begun = folder.model(Plan, _PLAN)
        except FolderError as damaged:
            raise FolderError(f"{damaged}; remove {folder} and build again") from None
        require_same(folder, begun, plan)
    folder.write(_PLAN, plan.model_dump_json().encode())
    # Only now, because a folder with a card but without a plan is refused as somebody else's.
    if folder.size(MANIFEST_NAME) is None:
        write_placeholder(folder)


def _render(job: Job, hold: Hold, workers: int | None, progress: Meter) -> list[UnitRecord]:
    """All units' records, in order.

    Raises:
        BuildStopped: images are bad; each one has been named.
        FolderError: the folder is no longer ours.
    """
    records: list[UnitRecord] = []
    bad_images: list[BadImageNote] = []
    results = run_units(
        complete_unit,
        job,
        job.plan.units(),
        workers=workers or usable_cores(),
        on_tally=progress.show,
    )
    try:
        with closing(results):
            for result in results:
                hold.require()
                if isinstance(result, UnitRecord):
                    records.append(result)
                else:
                    bad_images.extend(result)
    except KeyboardInterrupt:
        say(f"{_count(records)} of {progress.total} images are done; the same command goes on")
        raise
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise BuildStopped(_missing_space(job.folder, progress, _count(records))) from None
        raise
    if bad_images:
        for image in sorted(bad_images, key=lambda image: image.reason):
            say(image.reason)
        raise BuildStopped(
            f"{job.folder} is incomplete for want of images named above ({len(bad_images)}); mend "
            "them, or add --skip-bad to leave them out, and run the same command again"
        )
    return sorted(records, key=lambda record: record.index)


def _count(records: list[UnitRecord]) -> int:
    return sum(len(record.originals) + len(record.bad_images) for record in records)


def _missing_space(folder: DatasetFolder, progress: Meter, n_done: int) -> str:
    if not folder.is_local:
        return _full_disk(folder)
    tally = progress.tally
    rendered = tally.images - tally.already_done
    left = progress.total - n_done
    need = f"about {tally.bytes / rendered * left / 1e9:.2f} GB" if rendered else "space"
    return (
        f"{folder.disk}: the disk is full; the {left} images that are not done need {need}; "
        "free it, and the same command goes on where it stopped"
    )


@contextmanager
def _full_disk_explained(folder: DatasetFolder) -> Iterator[None]:
    """Say it in our words also before and after the rendering."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise BuildStopped(_full_disk(folder)) from None


def _full_disk(folder: DatasetFolder) -> str:
    return f"{folder.disk}: the disk is full; free some space, and the same command goes on"


def _finish(folder: DatasetFolder, plan: Plan, records: list[UnitRecord]) -> Manifest:
    """Write card and manifest; the manifest last, because it says that all is there."""
    manifest = make_manifest(plan, records)
    before = _manifest_of(folder)
    if before is not None and before == manifest.model_copy(update={"code": before.code}):
        # Nothing was rendered anew, so the code that did is still the one it names.
        manifest = before
    write_card(folder, manifest)
    folder.write(MANIFEST_NAME, manifest.to_json().encode())
    return manifest


def _manifest_of(folder: DatasetFolder) -> Manifest | None:
    try:
        return folder.manifest()
    except FolderError:
        return None
