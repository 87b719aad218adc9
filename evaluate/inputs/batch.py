"""Define what workers hand over: batches of images, and photographs for the device to render."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from imagenetq.errors import ModelError
from imagenetq.evaluate.data.base import CleanImage, SampleInfo
from imagenetq.evaluate.inputs.slots import SLOT_BYTES, Slots

ALIGNED = 16
"""Each photograph begins at a multiple of so many bytes, where kernels are quickest."""


def sent(tensor: torch.Tensor) -> torch.Tensor | npt.NDArray[Any]:
    """Prepare a tensor for another process: in shared memory, or as an array if that is full."""
    try:
        tensor.share_memory_()  # type: ignore[no-untyped-call]
    except RuntimeError:
        return tensor.numpy()
    return tensor


@dataclass(frozen=True)
class Batch:
    """Images ready for the device."""

    inputs: tuple[torch.Tensor, ...]
    """One tensor for each preprocessing: uint8 of shape (n, height, width, 3), or float32 of shape
    (n, 3, height, width) from an opaque preprocessing."""

    infos: tuple[SampleInfo, ...]

    finished: tuple[tuple[str, int], ...]
    """Keys of tasks that have been read to their end, and how many samples each had; some samples
    may still be on their way."""

    failure: Exception | None = None
    """Why a worker gave up; then there is nothing else in the batch."""

    by_pipe: bool = False
    """Whether it came through a pipe, because shared memory had no room for it."""

    def __reduce__(self) -> tuple[Any, ...]:
        inputs = tuple(map(sent, self.inputs))
        return _received_batch, (inputs, self.infos, self.finished, self.failure)

    def pin_memory(self) -> "Batch":
        """Copy the batch to memory that a GPU can read by itself, for the loader's thread."""
        return replace(self, inputs=tuple(tensor.pin_memory() for tensor in self.inputs))


@dataclass(frozen=True)
class CleanImages:
    """Photographs on their way to the device, which renders variants of them."""

    pixels: torch.Tensor
    """Pixels of all photographs, in one piece: uint8 of shape (n_bytes,)."""

    shapes: tuple[tuple[int, int], ...]
    """Height and width of each photograph."""

    infos: tuple[SampleInfo, ...]
    """What is known of each photograph's clean variant."""

    variants: tuple[str, ...]
    """Names of the variants to render, in ladder order."""

    slot: int | None = None
    """The slot that holds the pixels; None if they have memory of their own."""

    release: Callable[[], None] | None = None
    """Gives the slot back, once the pixels have been copied from it."""

    by_pipe: bool = False
    """Whether they came through a pipe, because shared memory had no room for them."""

    def __reduce__(self) -> tuple[Any, ...]:
        pixels = sent(self.pixels) if self.slot is None else None
        return _received_images, (pixels, self.shapes, self.infos, self.variants, self.slot)

    @classmethod
    def of(cls, images: Sequence[CleanImage], slots: Slots | None = None) -> "CleanImages":
        """Join photographs of which the same variants are wanted, in a slot if one is free."""
        shapes = tuple(image.pixels.shape[:2] for image in images)
        starts = _starts(shapes)
        slot = None if slots is None or starts[-1] > SLOT_BYTES else slots.take()
        if slots is None or slot is None:
            pixels = torch.empty(starts[-1], dtype=torch.uint8)
        else:
            pixels = slots.bytes_of(slot)
        array = pixels.numpy()
        for image, start in zip(images, starts, strict=False):
            array[start : start + image.pixels.size] = image.pixels.reshape(-1)
        infos = tuple(image.info for image in images)
        return cls(pixels, shapes, infos, images[0].variants, slot)

    def images(self, pixels: torch.Tensor) -> Iterator[tuple[torch.Tensor, SampleInfo]]:
        """Give each photograph, uint8 of shape (height, width, 3), of `pixels` or their copy."""
        starts = _starts(self.shapes)
        for (height, width), start, info in zip(self.shapes, starts, self.infos, strict=False):
            stop = start + height * width * 3
            yield pixels[start:stop].view(height, width, 3), info

    def pin_memory(self) -> "CleanImages":
        """Copy the pixels to memory that a GPU can read by itself, for the loader's thread."""
        return self if self.slot is not None else replace(self, pixels=self.pixels.pin_memory())

    def found_in(self, slots: Slots) -> "CleanImages":
        """Find the pixels in their slot, if they are in one."""
        if self.slot is None:
            return self
        pixels = slots.bytes_of(self.slot)[: _starts(self.shapes)[-1]]
        return replace(self, pixels=pixels, release=partial(slots.release, self.slot))


def _received_batch(inputs: Sequence[Any], *others: Any) -> Batch:
    by_pipe = any(isinstance(one, np.ndarray) for one in inputs)
    return replace(Batch(tuple(map(torch.as_tensor, inputs)), *others), by_pipe=by_pipe)


def _received_images(pixels: Any, *others: Any) -> CleanImages:
    by_pipe = isinstance(pixels, np.ndarray)
    tensor = torch.empty(0, dtype=torch.uint8) if pixels is None else torch.as_tensor(pixels)
    return replace(CleanImages(tensor, *others), by_pipe=by_pipe)


def concatenated(inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Join the inputs of several batches, of one preprocessing, to those of one."""
    sizes = sorted({tuple(one.shape[-3:]) for one in inputs})
    if len(sizes) > 1:
        first, second = (" x ".join(map(str, size)) for size in sizes[:2])
        raise ModelError(
            f"the preprocessing gives inputs of different sizes ({first}, {second}), which cannot "
            "share a batch; let it resize and crop to one size"
        )
    return torch.cat(list(inputs)) if len(inputs) > 1 else inputs[0]


def _starts(shapes: Sequence[tuple[int, int]]) -> list[int]:
    """Tell where each photograph begins among all bytes, and where the last ends."""
    sizes = (-(-height * width * 3 // ALIGNED) * ALIGNED for height, width in shapes)
    return list(accumulate(sizes, initial=0))
