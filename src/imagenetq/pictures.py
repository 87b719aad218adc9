"""List and read pictures in folders, recognising them by name and bounding what is read."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagenetq.errors import BadImage, SourceError
from imagenetq.files import read_bounded

MAX_FILE_BYTES = 256 * 2**20
"""Largest file that is read, in bytes; no photograph comes near it, and memory is finite."""

_JPEG_SUFFIXES = (".jpeg", ".jpg", ".jpe", ".jfif")
_OTHER_SUFFIXES = (
    *(".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"),
    *(".jp2", ".j2k", ".avif", ".heic"),
)

_UNWRITABLE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: controls, surrogates (for bytes that are no UTF-8), and line breaks."""


@dataclass(frozen=True)
class Listing:
    """The contents of a folder of pictures."""

    paths: tuple[str, ...]
    """Paths of the pictures below the folder, with slashes, sorted."""

    others: tuple[str, ...]
    """Paths of the files that are no pictures by their names, sorted."""


@dataclass(frozen=True)
class PictureFolder:
    """A tree of pictures, each known by its path below the root, such as `val/a.jpg`.

    Links to files and folders are followed; hidden files and folders are passed over.
    """

    root: Path
    """Root of the tree."""

    def listing(self) -> Listing:
        """List all pictures without reading them; dangling links are among them."""
        pictures: list[str] = []
        others: list[str] = []
        for path in self._walk():
            (pictures if is_image_name(path.rpartition("/")[2]) else others).append(path)
        if not pictures:
            raise SourceError(f"{self.root}: holds no pictures; name a folder that does")
        return Listing(tuple(sorted(pictures)), tuple(sorted(others)))

    def read(self, path: str) -> bytes:
        """Read a picture's file."""
        return read_image(self.root / path, path)

    def _walk(self) -> Iterator[str]:
        """List the path of every file that is not hidden, in any order."""
        pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
        while pending:
            folder, above = pending.pop()
            try:
                state = (self.root / folder).stat()
                chain = above | {(state.st_dev, state.st_ino)}
                if len(chain) == len(above):
                    raise SourceError(
                        f"{self.root / folder}: leads back to a folder that holds it; remove the "
                        "link"
                    )
                with os.scandir(self.root / folder) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        if not is_writable(path):
                            raise SourceError(
                                f"{path!a}: a name with control characters, or not in UTF-8; "
                                "rename it"
                            )
                        if entry.is_dir():
                            pending.append((path, chain))
                        else:
                            yield path
            except OSError as error:
                raise SourceError(
                    f"{self.root / folder}: cannot be listed ({reason(error)}); name a folder that "
                    "you may read"
                ) from error


def is_image_name(name: str) -> bool:
    """Tell whether a file's name ends as an image's does; a hidden file's never does.

    More kinds are known than can be decoded, so that the others are refused, not overlooked.
    """
    return not name.startswith(".") and name.lower().endswith((*_JPEG_SUFFIXES, *_OTHER_SUFFIXES))


def says_jpeg(name: str) -> bool:
    """Tell whether a file's name ends as a JPEG file's does."""
    return name.lower().endswith(_JPEG_SUFFIXES)


def read_image(path: Path, name: str) -> bytes:
    """Read an image file of at most `MAX_FILE_BYTES`; errors, and so manifests, call it `name`."""
    try:
        return read_bounded(path, MAX_FILE_BYTES)
    except OSError as error:
        raise BadImage(
            f"{name}: cannot be read ({reason(error)}); get it again, or mend its permissions"
        ) from error


def reason(error: Exception) -> str:
    """Say what an exception says, in a few words on one line."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())[:200] or type(error).__name__


def is_writable(path: str) -> bool:
    """Tell whether a path can stand in a line of text, and so in a manifest."""
    return not any(unicodedata.category(character) in _UNWRITABLE for character in path)
