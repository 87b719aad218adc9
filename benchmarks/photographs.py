"""Make many photographs out of a few, for benchmarks that need more."""

from pathlib import Path, PurePath

import measure
from PIL import Image

from imagenetq import classes
from imagenetq.builder import Source
from imagenetq.selection import SourceImage

MOST_PHOTOGRAPHS = 10_000
"""Most photographs that a dataset has: 10 of each class."""


class Photographs:
    """Folders of class folders with any number of photographs from a source of any size.

    All folders share the same photographs, so that a larger one differs in nothing but its size.
    Photographs are repeated under new names, as links to one file each. Classes are dealt out, so
    that no class has more than the 10 that a subset takes.

    Args:
        source: whose photographs are taken.
        count: how many of them at most, evenly spread.
        scratch: an empty folder.
    """

    def __init__(self, source: Source, count: int, scratch: Path) -> None:
        self.source = source
        self.scratch = scratch
        self._images = measure.spread(source.images(), count)

    def __len__(self) -> int:
        return len(self._images)

    def named(self, n: int) -> Path:
        """Make a folder of class folders with `n` photographs, evenly spread over all."""
        folder = self.scratch / f"images-{n}"
        if folder.is_dir():
            return folder
        wnids = classes.wnids()
        chosen = measure.spread(self._images, n)
        for number in range(n):
            image = chosen[number % len(chosen)]
            link = folder / wnids[number % len(wnids)] / f"bench-{number:05d}{_suffix(image)}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self._photograph(image))
        return folder

    def _photograph(self, image: SourceImage) -> Path:
        """Give a photograph's file, copied from the source once."""
        file = self.scratch / "photographs" / f"{image.image_id}{_suffix(image)}"
        if not file.is_file():
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(self.source.read(image))
        return file

    def speck(self) -> Path:
        """Make a folder of class folders with one photograph of next to no pixels."""
        file = self.scratch / "speck" / classes.wnids()[0] / "speck.JPEG"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "green").save(file, "JPEG")
        return file.parent.parent


def _suffix(image: SourceImage) -> str:
    return PurePath(image.name).suffix
