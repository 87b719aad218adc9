"""List folders and tars of photographs, and read what a photograph's name says."""

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from imagenetq.errors import SourceError
from imagenetq.pictures import is_image_name, reason
from imagenetq.selection import SourceImage, image_id_of

_WNID = re.compile(r"n\d{8}", re.ASCII)


def image_files(folder: Path) -> list[str]:
    """List the names of the image files in a folder, sorted.

    Dangling links are among them, so that a lost photograph is noticed.
    """
    return _names(folder, lambda entry: is_image_name(entry.name) and not entry.is_dir())


def class_folders(folder: Path) -> list[str]:
    """List the names of the sub-folders that look like wnids, sorted."""
    return _names(folder, lambda entry: bool(_WNID.fullmatch(entry.name)) and entry.is_dir())


def members(file: BinaryIO, n_bytes: int) -> Iterator[tarfile.TarInfo]:
    """Give the members of a plain tar of `n_bytes`, up to its end, which must be there.

    Nobody vouches for it: if it is damaged or truncated, any type of error may be raised.
    """
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            # With a forged size the next header would lie before this one, forever.
            if member.size < 0 or not member.offset < tar.offset <= n_bytes:
                raise tarfile.ReadError(f"{member.name!r} does not fit in it")
            yield member
        # tarfile takes a damaged header, or none, for the end of the archive.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"no end of archive and no header at byte {tar.offset}")


def source_image(name: str, wnid: str) -> SourceImage:
    """Describe a photograph by its name in the source and its class, which must not disagree."""
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
