"""Define what is rendered on a device: undistorted images, and the ids that key their noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Original:
    """An undistorted image on a device."""

    pixels: torch.Tensor
    """RGB samples, uint8 of shape (height, width, 3), contiguous."""

    image_id: str
    """Id of the image, which keys its noise."""

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class Originals:
    """Undistorted images of one size on a device."""

    pixels: torch.Tensor
    """RGB samples, uint8 of shape (n, height, width, 3), contiguous."""

    image_ids: Sequence[str]
    """Id of each image, which keys its noise."""
