"""Check some files of a rendered folder: bytes, pixels, and what their originals give."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from imagenetq.builder.executors import Reporter
from imagenetq.builder.pictures.manifest import FILES_NAME
from imagenetq.builder.pictures.unit import require_inside
from imagenetq.decoding import ORIGINAL_FORMATS, decode
from imagenetq.errors import BadImage, FolderError
from imagenetq.files import read_bounded
from imagenetq.pictures import MAX_FILE_BYTES, PictureFolder, is_writable, reason
from imagenetq.record import pixel_sha256
from imagenetq.rendering import render_ladder
from imagenetq.specification import select_variants

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_FORMATS = (*ORIGINAL_FORMATS, "JPEG2000")


@dataclass(frozen=True)
class PicturesCheck:
    """What all units of a verification share."""

    root: Path
    variants: tuple[str, ...]
    """Names of the variants, in ladder order."""

    pictures: PictureFolder | None
    """Pictures to render again from; None to check the folder alone."""


def check_rows(job: PicturesCheck, group: int, reporter: Reporter) -> list[str]:
    """Check the files of one row group of the manifest's table; give one line for each problem."""
    problems: list[str] = []
    rows = _table(job.root).read_row_group(group).to_pylist()
    for path, of_picture in groupby(rows, key=lambda row: row["path"]):
        picture = list(of_picture)
        if tuple(row["variant"] for row in picture) != job.variants or not _is_below(path):
            problems.append(f"{FILES_NAME}: {path!a}: its rows are not those of the variants")
            continue
        for row in picture:
            reporter.stop_if_asked()
            try:
                _check_file(job, row, reporter)
            except (BadImage, FolderError) as problem:
                problems.append(str(problem))
            reporter.advance(1)
        if job.pictures is not None:
            problems += _render_again(job, job.pictures, path, picture, reporter)
    return problems


@lru_cache(maxsize=1)
def _table(root: Path) -> "pq.ParquetFile":
    """Open the table once in each process, because its footer is long."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(root / FILES_NAME)


def _is_below(path: str) -> bool:
    """Tell whether a path leads to something below a folder, and nowhere else."""
    parts = path.split("/")
    return is_writable(path) and not {"", ".", ".."} & set(parts) and not PurePosixPath(path).root


def _check_file(job: PicturesCheck, row: dict[str, Any], reporter: Reporter) -> None:
    """Raise `BadImage` or `FolderError` if a file is not what its row says."""
    file, folder = row["file"], f"{row['variant']}/{PurePosixPath(row['path']).parent}"
    if not _is_below(file) or PurePosixPath(file).parent != PurePosixPath(folder):
        raise FolderError(f"{FILES_NAME}: {file!a} does not lie where {row['path']!a} does")
    path = require_inside(job.root, file)
    try:
        data = read_bounded(path, MAX_FILE_BYTES, follow_link=False)
    except FileNotFoundError:
        raise FolderError(f"{path}: missing") from None
    except OSError as error:
        raise FolderError(f"{path}: cannot be read ({reason(error)})") from None
    reporter.add_bytes(len(data))
    if sha256(data).hexdigest() != row["sha256"] or len(data) != row["bytes"]:
        raise FolderError(f"{path}: not the manifest's {row['bytes']} bytes")
    pixels = decode(data, str(path), _FORMATS)
    is_same = pixel_sha256(pixels) == row["pixel_sha256"]
    if not is_same or pixels.shape[:2] != (row["height"], row["width"]):
        raise FolderError(f"{path}: its pixels are not those that the manifest has a hash of")


def _render_again(
    job: PicturesCheck,
    pictures: PictureFolder,
    path: str,
    rows: list[dict[str, Any]],
    reporter: Reporter,
) -> list[str]:
    original = pictures.root / path
    reporter.advance(len(rows))
    try:
        data = pictures.read(path)
        if sha256(data).hexdigest() != rows[0]["original_sha256"]:
            return [f"{original}: another file than was rendered"]
        clean = decode(data, str(original))
    except BadImage as problem:
        # A picture that is not there is reported as missing already.
        return [str(problem)] if original.exists() else []
    problems = []
    ladder = render_ladder(clean, image_id=path, only=select_variants(job.variants))
    for row, rendered in zip(rows, ladder, strict=True):
        reporter.stop_if_asked()
        if pixel_sha256(rendered.pixels) != row["pixel_sha256"]:
            problems.append(f"{job.root / row['file']}: its pixels differ from those of {original}")
    return problems
