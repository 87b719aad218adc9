"""Define what goes into a distortion and comes out of it: an original, and distorted images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagenetq.specification import Value

Pixels = NDArray[np.uint8]
"""An RGB image: uint8 of shape (height, width, 3), row by row from the top left."""


@dataclass(frozen=True)
class Undistorted:
    """An undistorted image."""

    pixels: Pixels
    """RGB samples of the image."""

    image_id: str | None = None
    """Id of the image, which keys the noise; None if no noise is asked for."""

    @cached_property
    def image(self) -> Image.Image:
        """The same samples as a Pillow image, for the codecs."""
        return Image.fromarray(self.pixels)


@dataclass(frozen=True)
class Distorted:
    """A distorted image."""

    pixels: Pixels
    """RGB samples of the image, of the original's shape."""

    codestream: bytes | None = None
    """Compressed file that decodes to `pixels`; None unless the distortion is a compression."""


BLOCK_SAMPLES = 1 << 16


def blocks(n_samples: int) -> Iterator[slice]:
    """Cut a run of samples into pieces of `BLOCK_SAMPLES`, which stay in the cache."""
    for start in range(0, n_samples, BLOCK_SAMPLES):
        yield slice(start, start + BLOCK_SAMPLES)


Distortion = Callable[[Undistorted, Sequence[Value]], Iterator[Distorted]]
"""A function that renders one original at several values, in the order given, sharing the work."""
