"""Provide what the local sources share: which names are images, what they say, bounded reads."""

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from imagenetq.errors import SourceError
from imagenetq.pictures import is_image_name, read_image, reason
from imagenetq.selection import SourceImage, image_id_of

__all__ = ["class_folders", "image_files", "is_image_name", "read_image", "reason", "source_image"]

_WNID = re.compile(r"n\d{8}", re.ASCII)


def image_files(folder: Path) -> list[str]:
    """List the names of the image files in a folder, sorted.

    Dangling links are among them, so that a lost photograph is noticed.

    Raises:
        SourceError: the folder cannot be listed.
    """
    return _names(folder, lambda entry: is_image_name(entry.name) and not entry.is_dir())


def class_folders(folder: Path) -> list[str]:
    """List the names of the sub-folders that look like wnids, sorted.

    Raises:
        SourceError: the folder cannot be listed.
    """
    return _names(folder, lambda entry: bool(_WNID.fullmatch(entry.name)) and entry.is_dir())


def source_image(name: str, wnid: str) -> SourceImage:
    """Describe a photograph by its name in the source and its class.

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


def _names(folder: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if wanted(entry))
    except OSError as error:
        raise SourceError(
            f"{folder}: cannot be listed ({reason(error)}); name a folder that you may read"
        ) from error
