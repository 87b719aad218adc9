"""Render a folder of pictures to the same tree for each variant, or go on with such a rendering."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from imagenetq.builder.building.collect import (
    RENDER_PLAN,
    begin,
    collect,
    earlier_if_same,
    full_disk_explained,
    require_own,
)
from imagenetq.builder.building.unit_records import written_records
from imagenetq.builder.executors import Work
from imagenetq.builder.executors.local import run_units
from imagenetq.builder.folders.local import LocalFolder
from imagenetq.builder.pictures.file_names import file_kind, says_another_kind
from imagenetq.builder.pictures.manifest import (
    FILES_NAME,
    BadPicture,
    RenderManifest,
    Totals,
    files_schema,
)
from imagenetq.builder.pictures.plan import RenderPlan, make_render_plan, require_same_plan
from imagenetq.builder.pictures.unit import PicturesRecord, RenderJob, complete_unit
from imagenetq.builder.shards.orientation import UPRIGHT
from imagenetq.errors import UsageError
from imagenetq.manifest import RENDER_MANIFEST_NAME, Code
from imagenetq.pictures import PictureFolder
from imagenetq.progress import meter, say, working
from imagenetq.provenance import code_commit, code_version
from imagenetq.selfcheck import check_platform
from imagenetq.specification import select_variants
from imagenetq.storage import local_path
from imagenetq.words import counted


def render_folder(
    folder: str | Path,
    out: str | Path,
    *,
    only: Iterable[str] | None = None,
    workers: int | None = None,
    keep_names: bool = True,
    skip_bad: bool = False,
) -> RenderManifest:
    """Render variants of every picture in a folder, or go on where that was interrupted.

    Each variant of `FOLDER/a/b.jpg` becomes `OUT/VARIANT/a/b.jpg`. Noise is keyed by the path
    below the folder, such as `a/b.jpg`. No labels are needed. Workers are spawned processes, so a
    script that calls this needs the usual `if __name__ == "__main__":`.

    Args:
        folder: any tree of pictures. Links are followed; hidden files are passed over.
        out: made if absent, else empty or begun by the same rendering; outside of `folder`.
        only: variants and distortions to render; all 52 if left out.
        workers: processes; one a core if left out.
        keep_names: keep every file's name, though blur, noise and contrast are stored as PNG, and
            JPEG and JPEG 2000 as what they are: most readers go by the content. Otherwise a
            suffix that says another kind is replaced, or, where pictures differ in it alone, the
            right one is appended.
        skip_bad: leave bad pictures out and record them, instead of ending incomplete.

    Returns:
        The manifest of the complete folder.

    Raises:
        BuildStopped: it is incomplete: bad pictures, a full disk, killed workers.
        FolderError: `out` cannot be used.
        SourceError: `folder` cannot be listed, or holds no pictures.
        PlatformError: this machine renders other pixels.
        UsageError: there is no such folder or variant, one folder lies in the other, `out` is
            remote, or two files would get one name.
        KeyboardInterrupt: passed on after the workers have ended and cleaned up.
    """
    check_platform()
    variants = select_variants(only)
    source = Path(folder)
    if not source.is_dir():
        raise UsageError(f"{source}: no such folder; name a folder of pictures")
    path = out if isinstance(out, Path) else local_path(out)
    if path is None:
        raise UsageError(f"{out}: pictures are rendered to this machine; give a folder as --out")
    target = LocalFolder(path)
    _require_apart(source, target.path)
    # A worker may have another working directory.
    pictures = PictureFolder(source.absolute())
    with working(f"listing the pictures in {source}"):
        listing = pictures.listing()
    if listing.others:
        say(
            f"{source}: passed over {counted(len(listing.others), 'file')} without a picture's "
            f"suffix, such as {listing.others[0]}"
        )
    plan = make_render_plan(listing.paths, variants, keep_names=keep_names)
    units = plan.units()
    own = partial(require_own, target, RENDER_PLAN, RENDER_MANIFEST_NAME, "a rendered folder")
    with full_disk_explained(target), target.held(own) as hold:
        begin(target, RENDER_PLAN, plan, require_same_plan)
        job = RenderJob(target, pictures, plan, skip_bad)
        with meter("rendering", len(plan.paths), "pictures") as progress:
            work = Work(complete_unit, job, units, workers, progress.show)
            collect(target, hold, progress, run_units(work))
        with working("writing the manifest"):
            return _finish(target, plan, len(units))


def _require_apart(pictures: Path, out: Path) -> None:
    """Refuse an output folder inside the pictures' folder, and the other way round."""
    for one, other in ((out, pictures), (pictures, out)):
        resolved = one.resolve()
        if any(
            p.exists() and other.exists() and p.samefile(other)
            for p in (resolved, *resolved.parents)
        ):
            raise UsageError(
                f"{out}: the pictures in {pictures} and what is made of them must lie apart; give "
                "an --out outside of the pictures' folder"
            )


def _finish(folder: LocalFolder, plan: RenderPlan, n_units: int) -> RenderManifest:
    """Write the table of files, and then the manifest, which says that all is there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    totals = Totals()
    bad: list[BadPicture] = []
    turned: list[str] = []
    schema = files_schema()
    table = folder.new_file(FILES_NAME)
    try:
        with pq.ParquetWriter(table, schema, compression="zstd") as writer:
            for record in written_records(folder, n_units, PicturesRecord):
                rows = [
                    {
                        "path": picture.path,
                        "original_sha256": picture.file_sha256,
                        "orientation": picture.orientation,
                        "width": picture.width,
                        "height": picture.height,
                        "variant": variant,
                        **file.model_dump(),
                    }
                    for picture in record.pictures
                    for variant, file in picture.files.items()
                ]
                totals.add(rows)
                bad += record.bad_pictures
                turned += [p.path for p in record.pictures if p.orientation not in (UPRIGHT, None)]
                if rows:
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
        table.commit()
    finally:
        table.abort()
    manifest = RenderManifest(
        **plan.model_dump(exclude={"format_version", "paths"}),
        **totals.fields(),
        files_sha256=table.sha256,
        bad_pictures=tuple(bad),
        code=Code(version=code_version(), commit=code_commit()),
    )
    manifest = earlier_if_same(folder, RENDER_MANIFEST_NAME, manifest)
    folder.write(RENDER_MANIFEST_NAME, manifest.to_json().encode())
    _tell_of_names(plan)
    if turned:
        say(
            f"{counted(len(turned), 'picture')} with an orientation tag, such as {turned[0]}: no "
            "variant is turned, so annotations of the turned pictures do not fit"
        )
    return manifest


def _tell_of_names(plan: RenderPlan) -> None:
    """Say which names do not fit the kind of their files, or were changed to fit it."""
    for variant in plan.ladder():
        kind = file_kind(variant)
        other = next((path for path in plan.paths if says_another_kind(path, kind)), None)
        if other is None:
            continue
        if plan.keep_names:
            say(
                f"names are kept: {variant.name}/{other} is a .{kind} file; readers that go by "
                "the name want --fit-suffixes"
            )
        else:
            say(f"suffixes fit the files: {variant.name} of {other} is a .{kind}")
        return
