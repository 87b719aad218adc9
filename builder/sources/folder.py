"""Read ImageNet from a folder of class folders, or of photographs with labels beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.labels import find_labels
from imagenetq.builder.sources.listing import class_folders, image_files, source_image
from imagenetq.errors import SourceError
from imagenetq.pictures import read_image
from imagenetq.selection import SourceImage

TINY_IMAGES = "images"
"""Sub-folder in which Tiny ImageNet's folders keep their photographs."""


@dataclass(frozen=True)
class ClassFolders(Source):
    """A folder with one folder for each class, named by its wnid, as torchvision and timm read."""

    root: Path

    kind = "class folders"

    @override
    def images(self) -> Sequence[SourceImage]:
        """List the photographs of all folders with a wnid's name, known or not; ignore the others.

        Where a class folder holds no photograph, those of its sub-folder `images` are taken.
        """
        wnids = class_folders(self.root)
        if not wnids:
            raise SourceError(
                f"{self.root}: no class folders; they must be named by wnid, such as n01440764"
            )
        loose = image_files(self.root)
        if loose:
            raise SourceError(
                f"{self.root}: {len(loose)} photographs lie beside the class folders, such as "
                f"{loose[0]!r}; move them into their class folders, or out of the source"
            )
        return [
            source_image(f"{folder}/{name}", wnid)
            for wnid in wnids
            for folder, names in self._images_of(wnid)
            for name in names
        ]

    def _images_of(self, wnid: str) -> Iterator[tuple[str, list[str]]]:
        names = image_files(self.root / wnid)
        nested = f"{wnid}/{TINY_IMAGES}"
        if names or not (self.root / nested).is_dir():
            yield wnid, names
        else:
            yield nested, image_files(self.root / nested)

    @override
    def read(self, image: SourceImage) -> bytes:
        return read_image(self.root / image.name, image.name)


@dataclass(frozen=True)
class FlatFolder(Source):
    """A folder of files such as `ILSVRC2012_val_00000293.JPEG`.

    The Hub's naming, `ILSVRC2012_val_00000293_n01440764.JPEG`, is read too.
    """

    root: Path

    kind = "flat folder"

    @override
    def images(self) -> Sequence[SourceImage]:
        labels = find_labels(self.root)
        return [labels.image(name) for name in image_files(self.root)]

    @override
    def read(self, image: SourceImage) -> bytes:
        return read_image(self.root / image.name, image.name)
