"""Tell kernels of the images that they render: one row of numbers for each image."""

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from imagenetq.torch.original import ImageTable, Originals
from imagenetq.torch.transfer import table_on

N_COLUMNS = tl.constexpr(8)
"""Number of columns before the image's parameter values: the two addresses, height, width, and four
that mean something else in each kernel."""


def table(
    originals: Originals, values: NDArray[np.int64], out: ImageTable, *more: NDArray[np.int64]
) -> torch.Tensor:
    """Bring the rows of all images to their device; int64 of shape (n, N_COLUMNS + n_levels).

    Args:
        originals: the images.
        values: the parameter's values, int64 of shape (n, n_levels).
        out: where the first level of each goes; the others follow it.
        more: up to four more columns, int64 of shape (n,).
    """
    images = originals.images
    rows = np.zeros((len(images), N_COLUMNS.value + values.shape[1]), np.int64)
    columns = (images.addresses, out.addresses, images.heights, images.widths, *more)
    for index, column in enumerate(columns):
        rows[:, index] = column
    rows[:, N_COLUMNS.value :] = values
    return table_on(rows, images.stacks[0].device)


@triton.jit
def image_row(table, image, n_levels) -> tl.tensor:
    """Give the address of an image's row."""
    return table + image.to(tl.int64) * (N_COLUMNS + n_levels)


@triton.jit
def source_of(row) -> tl.tensor:
    """Give the address of an image's samples."""
    return tl.load(row).to(tl.pointer_type(tl.uint8))


@triton.jit
def out_of(row) -> tl.tensor:
    """Give the address of an image's first level."""
    return tl.load(row + 1).to(tl.pointer_type(tl.uint8))


@triton.jit
def height_of(row) -> tl.tensor:
    """Give an image's height in pixels."""
    return tl.load(row + 2).to(tl.int32)


@triton.jit
def width_of(row) -> tl.tensor:
    """Give an image's width in pixels."""
    return tl.load(row + 3).to(tl.int32)


@triton.jit
def column_of(row, COLUMN: tl.constexpr) -> tl.tensor:
    """Give one of the columns that mean something else in each kernel."""
    return tl.load(row + 4 + COLUMN)


@triton.jit
def value_of(row, level) -> tl.tensor:
    """Give the parameter's value at a level."""
    return tl.load(row + N_COLUMNS + level).to(tl.int32)
