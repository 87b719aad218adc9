"""Read ImageNet from one folder of validation photographs, labelled by a file beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.builder.sources import listing
from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.labels import find_labels
from imagenetq.selection import SourceImage


@dataclass(frozen=True)
class FlatFolder(Source):
    """A folder of files such as `ILSVRC2012_val_00000293.JPEG`.

    The Hub's naming, `ILSVRC2012_val_00000293_n01440764.JPEG`, is read too.
    """

    root: Path
    """Folder that holds the photographs."""

    kind = "flat folder"

    def images(self) -> Sequence[SourceImage]:
        """List the photographs, with the classes that the labels beside them give.

        Raises:
            SourceError: the folder cannot be listed, the labels are missing or damaged, or they
                do not fit the photographs.
        """
        labels = find_labels(self.root)
        return [labels.image(name) for name in listing.image_files(self.root)]

    def read(self, image: SourceImage) -> bytes:
        """Read the original file's bytes.

        Raises:
            BadImage: the file cannot be read, or has more than `MAX_FILE_BYTES`.
        """
        return listing.read_image(self.root / image.name, image.name)
