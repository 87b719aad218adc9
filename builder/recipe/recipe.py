"""Open a recipe, which says what a dataset should be, wherever it was published or built.

A recipe has a manifest, and lists its pixel hashes in `pixels.parquet`. A dataset with images is a
recipe too: its shards have the hashes in columns of their own, which are read without the images
where the format allows it.
"""

import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagenetq.builder.folders import DatasetFolder, open_folder
from imagenetq.builder.recipe.pixel_table import PIXELS_NAME, read_pixel_table
from imagenetq.builder.shards import read_lines
from imagenetq.digests import PixelLine, pixel_digest
from imagenetq.errors import FolderError, UsageError
from imagenetq.hub import PREFIX, HubAddress
from imagenetq.manifest import MANIFEST_NAME, Manifest, Shard
from imagenetq.progress import meter
from imagenetq.specification import specification_digest

_THREADS = 8
"""Threads that read columns, because each of many shards takes a few small requests."""


@dataclass(frozen=True)
class Recipe:
    """What a dataset should be."""

    name: str
    """Name that the caller gave."""

    folder: DatasetFolder
    """Folder where the recipe lies."""

    manifest: Manifest
    """Manifest of the recipe."""

    is_listed: bool
    """Whether the pixel hashes lie in one file."""

    def lines(self) -> Sequence[PixelLine] | None:
        """List the lines that the pixel digest covers, and prove them by it.

        Returns:
            One line a row; None where the hashes lie in remote tars, among the images.

        Raises:
            FolderError: a file is missing or damaged, or the digest is of other lines.
            OSError: the storage failed.
        """
        if self.is_listed:
            with self.folder.fetch(PIXELS_NAME) as file:
                rows = read_pixel_table(file.read(), self.manifest)
            return [PixelLine(*(row[name] for name in PixelLine._fields)) for row in rows]
        if self.manifest.format == "webdataset" and not self.folder.is_local:
            return None
        shards = self.manifest.shards
        lines: list[PixelLine] = []
        with (
            meter("comparing", sum(shard.rows for shard in shards)) as progress,
            ThreadPoolExecutor(_THREADS) as pool,
        ):
            for found in pool.map(self._shard_lines, shards):
                lines += found
                progress.advance(len(found))
        if pixel_digest(lines) != self.manifest.pixel_digest:
            raise FolderError(f"{self.name}: its rows are not those of its manifest; verify it")
        return lines

    def _shard_lines(self, shard: Shard) -> list[PixelLine]:
        place = self.folder.at(shard.path)
        try:
            with self.folder.open(shard.path) as file:
                return read_lines(file, self.manifest.format, shard.variant)
        except FileNotFoundError:
            raise FolderError(f"{place}: missing") from None
        except (ValueError, KeyError, TypeError, tarfile.TarError) as error:
            raise FolderError(f"{place}: damaged ({str(error).partition(chr(10))[0]})") from None


def open_recipe(spec: str | Path) -> Recipe:
    """Open the recipe that a name or an address names.

    Args:
        spec: a folder with a manifest, or the manifest; `ORG/NAME` or `ORG/NAME@REVISION` of the
            Hub, also with `hf:` before it; or a URL.

    Raises:
        UsageError: there is nothing of that name.
        FolderError: there is no manifest, or it is of another specification.
        SourceError: the Hub's repository cannot be read; `AccessError` if it is gated.
        OSError: the storage failed.
    """
    name = str(spec)
    folder = _folder(spec)
    manifest = folder.manifest()
    if manifest.specification_digest != specification_digest():
        raise FolderError(
            f"{name} is of ImageNet-Q {manifest.dataset_version}, whose specification this "
            f"version of imagenetq does not know; it was built with {manifest.code.version}"
        )
    return Recipe(name, folder, manifest, folder.size(PIXELS_NAME) is not None)


def _folder(spec: str | Path) -> DatasetFolder:
    if isinstance(spec, str) and (spec.startswith(PREFIX) or "://" in spec):
        return open_folder(spec)
    path = Path(spec)
    if path.name == MANIFEST_NAME and path.is_file():
        return open_folder(path.parent)
    if path.is_dir():
        return open_folder(path)
    with suppress(UsageError):
        HubAddress.parse(str(spec), example="ORG/imagenet-q")
        return open_folder(f"{PREFIX}{spec}")
    raise UsageError(
        f"{spec}: no such folder; name one with a {MANIFEST_NAME}, or ORG/NAME on the Hub"
    )
