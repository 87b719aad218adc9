"""Define the manifest of a rendered folder: what it was rendered from, and a hash of every file.

`render-manifest.json` says what is common to all files. `render-files.parquet`, whose hash it
holds, has a row for each file, since millions of rows are too many for JSON.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from imagenetq.builder.building.collect import RENDER_PLAN
from imagenetq.errors import FolderError
from imagenetq.manifest import (
    RENDER_MANIFEST_NAME,
    Code,
    Count,
    Identified,
    Model,
    Sha256,
    read_model,
)
from imagenetq.specification import variants

if TYPE_CHECKING:
    import pyarrow as pa

FILES_NAME = "render-files.parquet"


class BadPicture(Model):
    """A picture that was left out."""

    path: str
    """Path below the folder of pictures."""

    reason: str
    """What is wrong with it, and what to do."""

    file_sha256: str | None = Sha256
    """SHA-256 of its file; None if that could not be read."""


class RenderManifest(Identified):
    """The manifest of a folder of rendered pictures."""

    variants: tuple[str, ...]
    """Names of the rendered variants, in ladder order."""

    keep_names: bool
    """Whether files bear their originals' names, whatever their kind."""

    pictures: int = Count
    """Number of pictures that were rendered."""

    bytes: int = Count
    """Bytes of all image files."""

    files_sha256: str = Sha256
    """SHA-256 of `render-files.parquet`."""

    bad_pictures: tuple[BadPicture, ...]
    """Pictures that were left out on request, by path."""

    versions: dict[str, str]
    """Versions of the libraries that decide pixels or bytes."""

    code: Code
    """Code that rendered the pictures."""

    @model_validator(mode="after")
    def _variants_are_known(self) -> "RenderManifest":
        known = tuple(v.name for v in variants() if v.name in self.variants)
        if not known or self.variants != known:
            raise ValueError("its variants are not those of the ladder, in its order")
        return self


def read_render_manifest(folder: Path) -> RenderManifest:
    """Read and validate a rendered folder's manifest."""
    path = folder / RENDER_MANIFEST_NAME
    if not path.is_file() and (folder / RENDER_PLAN).is_file():
        raise FolderError(
            f"{folder}: no {RENDER_MANIFEST_NAME}, so not complete; run the interrupted "
            "`imagenetq render` again"
        )
    return read_model(RenderManifest, path, FolderError)


def files_schema() -> "pa.Schema":
    """Give the columns of `render-files.parquet`: pictures by path, variants as in the ladder."""
    import pyarrow as pa

    return pa.schema(
        {
            "path": pa.string(),
            "original_sha256": pa.string(),
            "orientation": pa.int8(),
            "width": pa.int32(),
            "height": pa.int32(),
            "variant": pa.string(),
            "file": pa.string(),
            "bytes": pa.int64(),
            "sha256": pa.string(),
            "pixel_sha256": pa.string(),
        }
    )


class Totals:
    """The totals over the rows of all files, which are to be added in their order."""

    def __init__(self) -> None:
        self.pictures = 0
        self.bytes = 0
        self._source = hashlib.sha256()
        self._pixels = hashlib.sha256()
        self._last: str | None = None

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows; `ValueError` if a picture does not follow the one before."""
        for row in rows:
            path = row["path"]
            if path != self._last:
                if self._last is not None and path < self._last:
                    raise ValueError(f"{path} is out of order")
                self._last = path
                self.pictures += 1
                self._source.update(f"{path}\t{row['original_sha256']}\n".encode())
            self._pixels.update(f"{path}\t{row['variant']}\t{row['pixel_sha256']}\n".encode())
            self.bytes += row["bytes"]

    def fields(self) -> dict[str, Any]:
        """Give the manifest's fields that follow from the rows."""
        return {
            "pictures": self.pictures,
            "bytes": self.bytes,
            "source_digest": self._source.hexdigest(),
            "pixel_digest": self._pixels.hexdigest(),
        }
