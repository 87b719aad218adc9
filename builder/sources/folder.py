"""ImageNet as a folder of class folders, the layout that torchvision and timm read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.builder.sources import listing
from imagenetq.builder.sources.base import Source
from imagenetq.errors import SourceError
from imagenetq.selection import SourceImage


@dataclass(frozen=True)
class ClassFolders(Source):
    """A folder with one folder of images for each class, named by its wnid.

    Attributes:
        root: the folder that holds the class folders.
    """

    root: Path

    kind = "class folders"

    def images(self) -> Sequence[SourceImage]:
        """List the images of all folders with a wnid's name, known or not; ignore the others.

        Raises:
            SourceError: a folder cannot be listed, there is no class folder, or a file's name
                says another class than its folder.
        """
        wnids = listing.class_folders(self.root)
        if not wnids:
            raise SourceError(
                f"{self.root}: no class folders; they must be named by wnid, such as n01440764"
            )
        return [
            listing.source_image(f"{wnid}/{name}", wnid)
            for wnid in wnids
            for name in listing.image_files(self.root / wnid)
        ]

    def read(self, image: SourceImage) -> bytes:
        """The original file's bytes.

        Raises:
            BadImage: the file cannot be read, or has more than `MAX_FILE_BYTES`.
        """
        return listing.read_image(self.root / image.name, image.name)
