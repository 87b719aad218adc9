"""Blur with a Gaussian at all levels in two passes; the twin of `imagenetq.torch.blur`.

Between the passes every sample is a whole number below 2^30, in units of 2^-22. Samples are kept
with the mirrored columns that the second pass needs, so that it reads without looking for borders.
"""

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from imagenetq.distortions.blur import gaussian_taps, reflect
from imagenetq.torch.kernels.table import (
    column_of,
    height_of,
    image_row,
    out_of,
    source_of,
    table,
    value_of,
    width_of,
)
from imagenetq.torch.original import ImageTable, Originals, workspace
from imagenetq.torch.transfer import kept_on_device, table_on

_BLOCK = 512


def blur(originals: Originals, sigmas: NDArray[np.float64], out: ImageTable) -> None:
    """Blur each image at each of its sigmas, float64 of shape (n, n_levels)."""
    images, n_levels = originals.images, sigmas.shape[1]
    device = images.stacks[0].device
    most_sigma = int(sigmas.max())
    margin = 2 * most_sigma
    padded = (images.widths + 2 * margin) * 3
    ends = np.cumsum(n_levels * images.heights * padded)
    sides, side = np.unique([images.heights, images.widths], return_inverse=True)
    mirrored = [_mirrored(int(size), margin, device) for size in sides]
    rows, columns = np.array([one.data_ptr() for one in mirrored])[side.reshape(2, -1)]
    starts = np.append(0, ends[:-1])
    lines = table(originals, sigmas.astype(np.int64), out, starts, rows, columns)
    halfway = workspace(int(ends[-1]), torch.int32, device)
    taps = _taps(most_sigma, device)
    n, highest, widest = len(lines) * n_levels, int(images.heights.max()), int(images.widths.max())
    _vertical[triton.cdiv(highest, 4), triton.cdiv(int(padded.max()), _BLOCK), n](
        lines, taps, halfway, n_levels, margin, taps.shape[1], BLOCK=_BLOCK
    )
    _horizontal[highest, triton.cdiv(widest * 3, _BLOCK), n](
        lines, taps, halfway, n_levels, margin, taps.shape[1], BLOCK=_BLOCK
    )


@kept_on_device(128)
def _taps(most_sigma: int, device: torch.device) -> torch.Tensor:
    """Give each sigma's taps between zeros, int32 of shape (1 + most_sigma, n)."""
    taps = np.zeros((1 + most_sigma, 4 * most_sigma + 1 + 6), np.int32)
    for sigma in range(1, 1 + most_sigma):
        taps[sigma, 3 : 3 + 4 * sigma + 1] = gaussian_taps(sigma)
    return table_on(taps, device)


@kept_on_device(4096)
def _mirrored(size: int, margin: int, device: torch.device) -> torch.Tensor:
    """List, in int32, which sample stands at each place from `-margin` to `size + margin`."""
    return table_on(reflect(np.arange(-margin, size + margin), size).astype(np.int32), device)


@triton.jit(do_not_specialize=["n_levels", "margin", "most_taps"])
def _vertical(table, taps, halfway, n_levels, margin, most_taps, BLOCK: tl.constexpr):
    """Blur four rows at once, because they share most of the rows that they are made of."""
    level = tl.program_id(2) % n_levels
    image = image_row(table, tl.program_id(2) // n_levels, n_levels)
    height, width = height_of(image), width_of(image)
    padded = (width + 2 * margin) * 3
    row = tl.program_id(0) * 4
    if (row < height) & (tl.program_id(1) * BLOCK < padded):
        at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = at < padded
        rows = column_of(image, 1).to(tl.pointer_type(tl.int32))
        columns = column_of(image, 2).to(tl.pointer_type(tl.int32))
        column = tl.load(columns + at // 3, mask=inside, other=0) * 3 + at % 3
        pixels = source_of(image) + column
        sigma = value_of(image, level)
        radius = 2 * sigma
        # For the other rows, three zeros stand before the taps and three after them.
        tap = taps + sigma * most_taps + 3
        total0 = tl.zeros((BLOCK,), tl.int32)
        total1 = tl.zeros((BLOCK,), tl.int32)
        total2 = tl.zeros((BLOCK,), tl.int32)
        total3 = tl.zeros((BLOCK,), tl.int32)
        for step in range(2 * radius + 4):
            place = tl.minimum(row + margin - radius + step, height + 2 * margin - 1)
            source = tl.load(rows + place).to(tl.int64)
            samples = tl.load(pixels + source * (width * 3), mask=inside, other=0).to(tl.int32)
            total0 += samples * tl.load(tap + step)
            total1 += samples * tl.load(tap + step - 1)
            total2 += samples * tl.load(tap + step - 2)
            total3 += samples * tl.load(tap + step - 3)
        to = halfway + column_of(image, 0) + (level.to(tl.int64) * height + row) * padded + at
        tl.store(to, total0, mask=inside)
        tl.store(to + padded, total1, mask=inside & (row + 1 < height))
        tl.store(to + 2 * padded, total2, mask=inside & (row + 2 < height))
        tl.store(to + 3 * padded, total3, mask=inside & (row + 3 < height))


@triton.jit(do_not_specialize=["n_levels", "margin", "most_taps"])
def _horizontal(table, taps, halfway, n_levels, margin, most_taps, BLOCK: tl.constexpr):
    level = tl.program_id(2) % n_levels
    image = image_row(table, tl.program_id(2) // n_levels, n_levels)
    height, width = height_of(image), width_of(image)
    row_samples = width * 3
    row = tl.program_id(0)
    if (row < height) & (tl.program_id(1) * BLOCK < row_samples):
        at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = at < row_samples
        line = level.to(tl.int64) * height + row
        sigma = value_of(image, level)
        radius = 2 * sigma
        tap = taps + sigma * most_taps + 3
        centre = halfway + column_of(image, 0) + line * (row_samples + 6 * margin)
        centre += margin * 3 + at
        middle = tl.load(centre, mask=inside, other=0).to(tl.int64)
        total = middle * tl.load(tap + radius).to(tl.int64) + (1 << 43)
        for distance in range(1, radius + 1):
            # Equal weights, and the sum of two samples still fits 31 bits.
            pair = tl.load(centre - distance * 3, mask=inside, other=0)
            pair += tl.load(centre + distance * 3, mask=inside, other=0)
            total += pair.to(tl.int64) * tl.load(tap + radius - distance).to(tl.int64)
        tl.store(out_of(image) + line * row_samples + at, (total >> 44).to(tl.uint8), mask=inside)
