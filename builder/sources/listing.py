"""What the local sources share: which names are images, what they say, and bounded reads."""

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from imagenetq.builder.sources.base import MAX_FILE_BYTES
from imagenetq.errors import BadImage, SourceError
from imagenetq.files import read_bounded
from imagenetq.selection import SourceImage, image_id_of

_JPEG_SUFFIXES = (".jpeg", ".jpg", ".jpe", ".jfif")
_OTHER_SUFFIXES = (
    *(".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"),
    *(".jp2", ".j2k", ".avif", ".heic"),
)
_WNID = re.compile(r"n\d{8}", re.ASCII)


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as an image's does; hidden files are none.

    More kinds than the dataset can hold, so that the others are refused, not overlooked.
    """
    return not name.startswith(".") and name.lower().endswith((*_JPEG_SUFFIXES, *_OTHER_SUFFIXES))


def image_files(folder: Path) -> list[str]:
    """The names of the images in a folder, sorted.

    Dangling links are among them, so that a lost image is noticed.

    Raises:
        SourceError: the folder cannot be listed.
    """
    return _names(folder, lambda entry: is_image_name(entry.name) and not entry.is_dir())


def class_folders(folder: Path) -> list[str]:
    """The names of the sub-folders that look like wnids, sorted.

    Raises:
        SourceError: the folder cannot be listed.
    """
    return _names(folder, lambda entry: bool(_WNID.fullmatch(entry.name)) and entry.is_dir())


def source_image(name: str, wnid: str) -> SourceImage:
    """Describe an image by its name in the source and its class.

    Raises:
        SourceError: the Hub's suffix of the name says another class.
    """
    stem = PurePosixPath(name).stem
    image_id = image_id_of(stem)
    suffix = stem.removeprefix(image_id)
    if suffix not in ("", f"_{wnid}"):
        raise SourceError(
            f"{name!r}: class {suffix[1:]} by its name, but {wnid} by its label; "
            "put the right labels beside the right photographs"
        )
    return SourceImage(image_id, wnid, name)


def read_image(path: Path, name: str) -> bytes:
    """An image file's bytes.

    Args:
        path: the file.
        name: what to call it in an error, which a manifest may record.

    Raises:
        BadImage: the file cannot be read, or has more than `MAX_FILE_BYTES`.
    """
    try:
        return read_bounded(path, MAX_FILE_BYTES)
    except OSError as error:
        raise BadImage(
            f"{name}: cannot be read ({reason(error)}); get it again, or mend its permissions"
        ) from error


def reason(error: Exception) -> str:
    """What an exception says, in a few words on one line."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())[:200] or type(error).__name__


def _names(folder: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if wanted(entry))
    except OSError as error:
        raise SourceError(
            f"{folder}: cannot be listed ({reason(error)}); name a folder that you may read"
        ) from error
