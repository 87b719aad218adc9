"""Build a dataset folder: plan, render in worker processes, prove, describe. Resumes by itself."""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imagenetq.builder.card import write_card, write_placeholder
from imagenetq.builder.plan import Plan, make_plan, require_same, select_images
from imagenetq.builder.records import UnitRecord
from imagenetq.builder.shards import shard_format
from imagenetq.builder.sources import Source
from imagenetq.builder.summary import make_manifest
from imagenetq.builder.unit import Job, complete_unit
from imagenetq.builder.workers import run_units
from imagenetq.errors import BuildStopped, FolderError
from imagenetq.files import remove_temporary_files, write_whole
from imagenetq.manifest import MANIFEST_NAME, BadImageNote, Manifest, read_manifest, read_model
from imagenetq.progress import Meter, meter, say, usable_cores
from imagenetq.selection import RankedImage
from imagenetq.selfcheck import check_platform
from imagenetq.specification import select_variants, variants

_STATE = ".build"
_PLAN = "plan.json"
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def build(
    source: Source,
    out: Path,
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
        out: the dataset's folder; made if absent, else empty or begun by the same build.
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
    shard_format(format_name)
    ladder = variants() if only is None else select_variants(only)
    selection = select_images(source, subset, allow_short=allow_short)
    n_images = len(selection.images)
    with _locked(out), _full_disk_explained(out):
        fetch_originals(source, selection.images, out)
        with meter("reading", n_images) as progress:
            plan = make_plan(
                source,
                selection,
                format_name=format_name,
                variants=ladder,
                advance=progress.advance,
            )
        _begin(out, plan)
        with meter("rendering", n_images) as progress:
            records = _render(Job(out, source, plan, skip_bad), workers, progress)
        return _finish(out, plan, records)


def fetch_originals(source: Source, images: Sequence[RankedImage], out: Path) -> None:
    """Bring a remote source's originals into the state folder of the dataset in `out`."""
    if source.is_remote:
        with meter("fetching", len(images)) as progress:
            source.fetch(images, out / _STATE / "originals", progress.advance)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the folder against a second build; the lock ends with the process."""
    lock = FileLock(out / _STATE / "lock", timeout=0)
    try:
        _require_own(out)
        (out / _STATE).mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FolderError(f"{out}: another build is writing there; wait until it ends") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise FolderError(f"{out}: cannot be written ({reason}); give another --out") from None
    try:
        # What killed processes left; and, at the end, what killed workers of ours left.
        remove_temporary_files(out)
        yield
    finally:
        remove_temporary_files(out)
        lock.release()


def _require_own(out: Path) -> None:
    """Refuse a place that is not an empty folder, nor one that a build has begun."""
    if out.exists() and not out.is_dir():
        raise FolderError(f"{out} is a file; give a folder as --out")
    if not out.is_dir() or (out / _STATE / _PLAN).is_file():
        return
    if (out / MANIFEST_NAME).is_file():
        raise FolderError(
            f"{out} is a dataset without the {_STATE} folder of its build; verify it, "
            "or give another --out"
        )
    # A build that was killed in its first second has left its lock, or a fetched original.
    if any(path.name != _STATE for path in out.iterdir()):
        raise FolderError(f"{out} holds other files; give an empty or a new folder as --out")


def _begin(out: Path, plan: Plan) -> None:
    """Record the plan, or demand that it is the one that the folder was begun with."""
    path = out / _STATE / _PLAN
    if path.is_file():
        try:
            begun = read_model(Plan, path, FolderError)
        except FolderError as damaged:
            raise FolderError(f"{damaged}; remove {out} and build again") from None
        require_same(out, begun, plan)
    write_whole(path, plan.model_dump_json().encode())
    # Only now, because a folder with a card but without a plan is refused as somebody else's.
    if not (out / MANIFEST_NAME).is_file():
        write_placeholder(out)


def _render(job: Job, workers: int | None, progress: Meter) -> list[UnitRecord]:
    """All units' records, in order.

    Raises:
        BuildStopped: images are bad; each one has been named.
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


def _missing_space(out: Path, progress: Meter, n_done: int) -> str:
    tally = progress.tally
    rendered = tally.images - tally.already_done
    left = progress.total - n_done
    need = f"about {tally.bytes / rendered * left / 1e9:.2f} GB" if rendered else "space"
    return (
        f"{out}: the disk is full; the {left} images that are not done need {need}; "
        "free it, and the same command goes on where it stopped"
    )


@contextmanager
def _full_disk_explained(out: Path) -> Iterator[None]:
    """Say it in our words also before and after the rendering."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise BuildStopped(
            f"{out}: the disk is full; free some space, and the same command goes on"
        ) from None


def _finish(out: Path, plan: Plan, records: list[UnitRecord]) -> Manifest:
    """Write card and manifest; the manifest last, because it says that all is there."""
    manifest = make_manifest(plan, records)
    before = _manifest_of(out)
    if before is not None and before == manifest.model_copy(update={"code": before.code}):
        # Nothing was rendered anew, so the code that did is still the one it names.
        manifest = before
    write_card(out, manifest)
    write_whole(out / MANIFEST_NAME, manifest.to_json().encode())
    return manifest


def _manifest_of(out: Path) -> Manifest | None:
    try:
        return read_manifest(out)
    except FolderError:
        return None
