"""The manifest of a rendered folder: what it was rendered from, and a hash of every file.

`render-manifest.json` says what belongs to all; `render-files.parquet`, whose hash it holds, has a
row for each file, since millions of rows are no JSON.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from imagenetq.builder.building.collect import RENDER_PLAN
from imagenetq.errors import FolderError
from imagenetq.manifest import (
    RENDER_MANIFEST_NAME,
    SHA256_PATTERN,
    Code,
    Count,
    Model,
    Sha256,
    read_model,
)
from imagenetq.specification import variants

if TYPE_CHECKING:
    import pyarrow as pa

FILES_NAME = "render-files.parquet"


class BadPicture(Model):
    """A picture that was left out.

    Attributes:
        path: below the folder of pictures.
        reason: what is wrong with it, and what to do.
        file_sha256: of its file; None if that could not be read.
    """

    path: str
    reason: str
    file_sha256: str | None = Field(pattern=SHA256_PATTERN)


class RenderManifest(Model):
    """A folder of pictures whose every variant is rendered.

    Attributes:
        format_version: of this file and of `render-files.parquet`.
        dataset_version: of the pixels, MAJOR.MINOR.PATCH.
        specification_digest: SHA-256 of the specification's canonical JSON.
        source_digest: SHA-256 over a line `path TAB SHA-256 of the original file LF` a picture.
        pixel_digest: SHA-256 over a line `path TAB variant TAB SHA-256 of the pixels LF` a file;
            pictures by path, variants as in the ladder.
        variants: rendered, in ladder order.
        keep_names: whether files bear their originals' names, whatever their kind.
        pictures: how many were rendered.
        bytes: of all image files.
        files_sha256: of `render-files.parquet`.
        bad_pictures: left out on request, by path.
        versions: of the libraries that decide pixels or bytes.
        code: that rendered them.
    """

    format_version: Literal[1] = 1
    dataset_version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    specification_digest: str = Sha256
    source_digest: str = Sha256
    pixel_digest: str = Sha256
    variants: tuple[str, ...]
    keep_names: bool
    pictures: int = Count
    bytes: int = Count
    files_sha256: str = Sha256
    bad_pictures: tuple[BadPicture, ...]
    versions: dict[str, str]
    code: Code

    @model_validator(mode="after")
    def _variants_are_known(self) -> "RenderManifest":
        known = tuple(v.name for v in variants() if v.name in self.variants)
        if not known or self.variants != known:
            raise ValueError("its variants are not those of the ladder, in its order")
        return self

    def to_json(self) -> str:
        """The file's text."""
        return self.model_dump_json(indent=1) + "\n"


def read_render_manifest(folder: Path) -> RenderManifest:
    """Read and validate a rendered folder's manifest.

    Raises:
        FolderError: there is none, or it is damaged or of another format version.
    """
    path = folder / RENDER_MANIFEST_NAME
    if not path.is_file() and (folder / RENDER_PLAN).is_file():
        raise FolderError(
            f"{folder}: no {RENDER_MANIFEST_NAME}, so not complete; run the interrupted "
            "`imagenetq render` again"
        )
    return read_model(RenderManifest, path, FolderError)


def files_schema() -> "pa.Schema":
    """The columns of `render-files.parquet`: pictures by path, variants as in the ladder."""
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
    """What the rows of all files amount to; to be added in their order."""

    def __init__(self) -> None:
        self.pictures = 0
        self.bytes = 0
        self._source = hashlib.sha256()
        self._pixels = hashlib.sha256()
        self._last: str | None = None

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Count rows.

        Raises:
            ValueError: a picture does not follow the one before.
        """
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
        """Name what the manifest says of them."""
        return {
            "pictures": self.pictures,
            "bytes": self.bytes,
            "source_digest": self._source.hexdigest(),
            "pixel_digest": self._pixels.hexdigest(),
        }
