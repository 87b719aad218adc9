"""Define what is rendered on a device: undistorted images, and the ids that key their noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Original:
    """An undistorted image on a device."""

    pixels: torch.Tensor
    """RGB samples, uint8 of shape (height, width, 3), contiguous."""

    image_id: str
    """Id of the image, which keys its noise."""


def stacks_in_one(
    shapes: Sequence[tuple[int, int, int]], device: torch.device
) -> list[torch.Tensor]:
    """Make memory for stacks of images, each of shape (n, height, width, 3) for (n, height, width).

    It is taken as one piece, of one of few sizes, because a GPU's memory is soon in pieces if each
    group of images takes some of its own sizes.
    """
    counts = [n * height * width * 3 for n, height, width in shapes]
    memory = workspace(sum(counts), torch.uint8, device)
    pieces = torch.split(memory, counts)
    return [piece.view(*shape, 3) for piece, shape in zip(pieces, shapes, strict=True)]


def workspace(n: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Make a tensor of shape (n,) in memory of one of four sizes between two powers of two."""
    step = max(1, 1 << max(0, n.bit_length() - 3))
    return torch.empty(-(-n // step) * step, dtype=dtype, device=device)[:n]


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Where images of any sizes lie in a device's memory, so that one kernel takes all of them."""

    stacks: tuple[torch.Tensor, ...]
    """Memory of the images: each uint8 of shape (n, height, width, 3), contiguous."""

    stack: NDArray[np.int64]
    """Index of each image's stack; int64 of shape (n_images,)."""

    row: NDArray[np.int64]
    """Place of each image in its stack; int64 of shape (n_images,)."""

    @classmethod
    def of(cls, stacks: Sequence[torch.Tensor]) -> "ImageTable":
        """List all images of some stacks."""
        counts = [len(stack) for stack in stacks]
        rows = np.concatenate([np.arange(count) for count in counts])
        return cls(tuple(stacks), np.repeat(np.arange(len(stacks)), counts), rows)

    def __len__(self) -> int:
        return len(self.row)

    def take(self, indices: NDArray[np.int64]) -> "ImageTable":
        """List some of the images."""
        return ImageTable(self.stacks, self.stack[indices], self.row[indices])

    def images(self, index: int, n: int = 1) -> torch.Tensor:
        """Give an image and those after it in its stack: uint8 of shape (n, height, width, 3)."""
        row = int(self.row[index])
        return self.stacks[int(self.stack[index])][row : row + n]

    @cached_property
    def heights(self) -> NDArray[np.int64]:
        """Height of each image in pixels; int64 of shape (n_images,)."""
        return np.array([stack.shape[1] for stack in self.stacks])[self.stack]

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """Width of each image in pixels; int64 of shape (n_images,)."""
        return np.array([stack.shape[2] for stack in self.stacks])[self.stack]

    @property
    def n_samples(self) -> NDArray[np.int64]:
        """Number of samples of each image; int64 of shape (n_images,)."""
        return self.heights * self.widths * 3

    @property
    def addresses(self) -> NDArray[np.int64]:
        """Address of each image's first sample; int64 of shape (n_images,)."""
        starts = np.array([stack.data_ptr() for stack in self.stacks], np.int64)
        return starts[self.stack] + self.row * self.n_samples


@dataclass(frozen=True)
class Originals:
    """Undistorted images of any sizes on a device."""

    images: ImageTable
    image_ids: Sequence[str]
    """Id of each image, which keys its noise."""

    def take(self, indices: NDArray[np.int64]) -> "Originals":
        """Take some of the images."""
        return Originals(self.images.take(indices), [self.image_ids[index] for index in indices])
