"""What is rendered on a device: one undistorted image there, and what keys its noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Original:
    """An undistorted image on a device."""

    pixels: torch.Tensor
    """Its RGB samples, uint8 of shape (height, width, 3), contiguous."""

    image_id: str
    """The image's id, which keys its noise."""

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class Originals:
    """Undistorted images of one size on a device."""

    pixels: torch.Tensor
    """Their RGB samples, uint8 of shape (n, height, width, 3), contiguous."""

    image_ids: Sequence[str]
    """Of each."""
