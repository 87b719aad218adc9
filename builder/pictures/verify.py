"""Verify a rendered folder: every file and pixel; against the pictures if they are given."""

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from imagenetq.builder.building.collect import RENDER_PLAN
from imagenetq.builder.executors import Work
from imagenetq.builder.executors.local import run_units
from imagenetq.builder.folders import STATE
from imagenetq.builder.pictures.manifest import (
    FILES_NAME,
    RenderManifest,
    Totals,
    files_schema,
    read_render_manifest,
)
from imagenetq.builder.pictures.verify_unit import PicturesCheck, check_rows
from imagenetq.decoding import decode
from imagenetq.errors import BadImage, FolderError, UsageError
from imagenetq.files import sha256_of
from imagenetq.manifest import RENDER_MANIFEST_NAME
from imagenetq.pictures import PictureFolder
from imagenetq.progress import meter, working
from imagenetq.selfcheck import check_platform

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def is_rendered_folder(folder: Path) -> bool:
    """Tell whether `imagenetq render` made a folder, or began to."""
    return (folder / RENDER_MANIFEST_NAME).is_file() or (folder / RENDER_PLAN).is_file()


def verify_rendered_folder(
    folder: str | Path, pictures: str | Path | None = None, *, workers: int | None = None
) -> list[str]:
    """Check a rendered folder against its manifest, and its pixels against their hashes.

    Args:
        folder: what `render_folder` made.
        pictures: the folder that it was made of; if given, every variant is rendered again from
            it and compared.
        workers: processes; one a core if left out.

    Returns:
        One line a problem; empty if all is well.

    Raises:
        FolderError: there is no valid manifest, or it is of another specification.
        SourceError: the pictures cannot be listed.
        UsageError: there is no folder of pictures of that name.
        OSError: a file cannot be read for another reason than that it is damaged.
    """
    import pyarrow.parquet as pq

    root = Path(folder).absolute()
    manifest = read_render_manifest(root)
    manifest.require_known(folder, f"rendered with {manifest.code.version}")
    if pictures is not None and not Path(pictures).is_dir():
        raise UsageError(f"{pictures}: no such folder; name the folder of pictures")
    source = None if pictures is None else PictureFolder(Path(pictures).absolute())
    check_platform()
    _require_table(root, manifest)
    with pq.ParquetFile(root / FILES_NAME) as table:
        n_rows = table.metadata.num_rows
        units = range(table.num_row_groups)
        with working("reading the manifest"):
            problems = _table_problems(table, manifest)
            problems += _stray_files(root, table, manifest)
            if source is not None:
                problems += _picture_problems(source, table, manifest)
    job = PicturesCheck(root, manifest.variants, source)
    # Rendering a file again counts as another one.
    with meter("verifying", max(n_rows * (1 if source is None else 2), 1)) as progress:
        results = run_units(Work(check_rows, job, units, workers, progress.show))
        # Closed at once when interrupted, so that no worker outlives the command.
        with closing(results):
            for of_unit in results:
                problems += of_unit
    return sorted(problems)


def _require_table(root: Path, manifest: RenderManifest) -> None:
    """Refuse a table of files that is not the manifest's, since it could not be believed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / FILES_NAME
    cure = "run the same `imagenetq render` to write it again"
    if not path.is_file():
        raise FolderError(f"{path}: missing; {cure}")
    if sha256_of(path) != manifest.files_sha256:
        raise FolderError(f"{path}: its SHA-256 is not the manifest's; {cure}")
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        schema = None
    if schema is None or not schema.equals(files_schema()):
        raise FolderError(f"{path}: damaged or of another version; {cure}")


def _table_problems(table: "pq.ParquetFile", manifest: RenderManifest) -> list[str]:
    """List what the manifest says that its rows contradict."""
    totals = Totals()
    try:
        for group in range(table.num_row_groups):
            totals.add(table.read_row_group(group).to_pylist())
    except ValueError as problem:
        return [f"{FILES_NAME}: {problem}"]
    return [
        f"{RENDER_MANIFEST_NAME}: {name.replace('_', ' ')} is not what the rows give"
        for name, value in totals.fields().items()
        if getattr(manifest, name) != value
    ]


def _stray_files(root: Path, table: "pq.ParquetFile", manifest: RenderManifest) -> list[str]:
    """List files that the manifest does not name, a variant at a time to bound memory."""
    import pyarrow.compute as pc

    rows = table.read(columns=["variant", "file"])
    ours = {STATE, FILES_NAME, RENDER_MANIFEST_NAME, *manifest.variants}
    stray = [path.name for path in root.iterdir() if path.name not in ours]
    for variant in manifest.variants:
        listed = set(rows.filter(pc.field("variant") == variant)["file"].to_pylist())
        for parent, folders, files in os.walk(root / variant):
            links = [name for name in folders if Path(parent, name).is_symlink()]
            paths = (Path(parent, name).relative_to(root).as_posix() for name in files + links)
            stray += [path for path in paths if path not in listed]
    return [f"{root / path}: not in the manifest; remove it" for path in sorted(stray)]


def _picture_problems(
    source: PictureFolder, table: "pq.ParquetFile", manifest: RenderManifest
) -> list[str]:
    """List pictures that were lost, are new, or are no longer bad."""
    rendered = set(table.read(columns=["path"])["path"].unique().to_pylist())
    bad = {picture.path for picture in manifest.bad_pictures}
    present = set(source.listing().paths)
    lost = [f"{source.root / path}: missing" for path in (rendered | bad) - present]
    new = [f"{source.root / path}: was not rendered" for path in present - rendered - bad]
    mended = []
    for path in bad & present:
        with suppress(BadImage):
            decode(source.read(path), path)
            mended.append(f"{source.root / path}: was left out as bad, but is good now")
    return lost + new + mended
