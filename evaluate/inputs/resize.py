"""Resize and crop in tensors, sample for sample as `Preprocessing.pixels` does."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import torch

from imagenetq.evaluate.inputs.cropping import UNIT_BITS, Axis, Crop, crop_of
from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.torch.transfer import kept_on_device, table_on

CropFunction = Callable[[Sequence[torch.Tensor], Sequence[Crop]], torch.Tensor]
"""A function that resizes and crops stacks of images, as `cropped` does."""


def quickest_crop(device: torch.device) -> CropFunction:
    """Choose what resizes and crops quickest on a device; the samples are `cropped`'s."""
    if device.type != "cuda" or find_spec("triton") is None:
        return cropped
    from imagenetq.evaluate.inputs import kernels

    return kernels.cropped


def cropped(stacks: Sequence[torch.Tensor], crops: Sequence[Crop]) -> torch.Tensor:
    """Resize and crop images, those of one size stacked: uint8 of shape (n, height, width, 3).

    Each stack has its crop, all of one height and width. The crops come in one tensor, uint8 of
    shape (sum of n, crop.height, crop.width, 3).
    """
    return torch.cat([_cropped(*one) for one in zip(stacks, crops, strict=True)])


def _cropped(pictures: torch.Tensor, crop: Crop) -> torch.Tensor:
    if crop.rows_first:
        filled = _resampled(_resampled(pictures, crop.rows, 1), crop.columns, 2)
    else:
        top, bottom = rows_needed(crop.rows)
        kept = _resampled(pictures[:, top:bottom], crop.columns, 2)
        filled = _resampled(kept, crop.rows, 1, top)
    if not crop.is_padded:
        return filled
    fill = background(crop.fill, filled.device)
    canvas = fill.expand(len(filled), crop.height, crop.width, 3).clone()
    rows = slice(crop.top, crop.top + filled.shape[1])
    canvas[:, rows, crop.left : crop.left + filled.shape[2]] = filled
    return canvas


def crops_of(
    stacks: Sequence[torch.Tensor], cropped: CropFunction, preprocessings: Sequence[Preprocessing]
) -> tuple[torch.Tensor, ...]:
    """Make each preprocessing's inputs of stacks of images, as in `Batch.inputs`."""
    sizes = [(int(stack.shape[2]), int(stack.shape[1])) for stack in stacks]
    return tuple(cropped(stacks, [crop_of(one, *size) for size in sizes]) for one in preprocessings)


def rows_needed(rows: Axis) -> tuple[int, int]:
    """Give the first row that the vertical pass reads, and the one after the last."""
    return int(rows.first[0]), int(rows.first[-1]) + rows.weights.shape[1]


@kept_on_device(128)
def background(fill: tuple[int, int, int], device: torch.device) -> torch.Tensor:
    """Make a tensor of a colour: uint8 of shape (3,)."""
    return torch.tensor(fill, dtype=torch.uint8).to(device)


def _resampled(pictures: torch.Tensor, along: Axis, dim: int, offset: int = 0) -> torch.Tensor:
    """Resample along one axis, at whose `offset`th sample the images begin; round to uint8."""
    first, weights = on_device(along, pictures.device)
    shape = [-1 if d == dim else 1 for d in range(4)]
    total = torch.tensor(2 ** (UNIT_BITS - 1), dtype=torch.int32, device=pictures.device)
    for tap in range(weights.shape[1]):
        samples = pictures.index_select(dim, first + (tap - offset)).to(torch.int32)
        total = total + samples * weights[:, tap].view(shape)
    return (total >> UNIT_BITS).clamp_(0, 255).to(torch.uint8)


@kept_on_device(1024)
def on_device(along: Axis, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring an axis's first samples and weights to a device.

    They are kept, since many photographs share a width or height.
    """
    return table_on(along.first, device), table_on(along.weights, device)
