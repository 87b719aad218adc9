"""What is rendered on a device: one undistorted image there, and what its noise needs."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Original:
    """An undistorted image on a device.

    Attributes:
        pixels: its RGB samples, uint8 of shape (height, width, 3), contiguous.
        field: the image's random field, as `noise_field` draws it: uint16 of shape
            (height * width * 3,); None where no noise is asked for.
    """

    pixels: torch.Tensor
    field: torch.Tensor | None = None

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])
