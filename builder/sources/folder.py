"""Read ImageNet from a folder of class folders, the layout that torchvision and timm read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.builder.sources import listing
from imagenetq.builder.sources.base import Source
from imagenetq.errors import SourceError
from imagenetq.selection import SourceImage

TINY_IMAGES = "images"
"""Sub-folder in which Tiny ImageNet's folders keep their photographs."""


@dataclass(frozen=True)
class ClassFolders(Source):
    """A folder with one folder of photographs for each class, named by its wnid."""

    root: Path
    """Folder that holds the class folders."""

    kind = "class folders"

    def images(self) -> Sequence[SourceImage]:
        """List the photographs of all folders with a wnid's name, known or not; ignore the others.

        Where a class folder holds no photograph, those of its sub-folder `images` are taken.

        Raises:
            SourceError: a folder cannot be listed, there is no class folder, photographs lie
                beside the class folders, or a file's name says another class than its folder.
        """
        wnids = listing.class_folders(self.root)
        if not wnids:
            raise SourceError(
                f"{self.root}: no class folders; they must be named by wnid, such as n01440764"
            )
        loose = listing.image_files(self.root)
        if loose:
            raise SourceError(
                f"{self.root}: {len(loose)} photographs lie beside the class folders, such as "
                f"{loose[0]!r}; move them into their class folders, or out of the source"
            )
        return [
            listing.source_image(f"{folder}/{name}", wnid)
            for wnid in wnids
            for folder, names in self._images_of(wnid)
            for name in names
        ]

    def _images_of(self, wnid: str) -> Iterator[tuple[str, list[str]]]:
        names = listing.image_files(self.root / wnid)
        nested = f"{wnid}/{TINY_IMAGES}"
        if names or not (self.root / nested).is_dir():
            yield wnid, names
        else:
            yield nested, listing.image_files(self.root / nested)

    def read(self, image: SourceImage) -> bytes:
        """Read the original file's bytes.

        Raises:
            BadImage: the file cannot be read, or has more than `MAX_FILE_BYTES`.
        """
        return listing.read_image(self.root / image.name, image.name)
