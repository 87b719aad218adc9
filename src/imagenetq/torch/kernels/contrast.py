"""Change contrast at all levels after a pass for mean luma; twin of `imagenetq.torch.contrast`."""

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from imagenetq.torch.kernels.table import (
    height_of,
    image_row,
    out_of,
    source_of,
    table,
    value_of,
    width_of,
)
from imagenetq.torch.original import ImageTable, Originals

_BLOCK = 1024


def contrast(originals: Originals, factors: NDArray[np.float64], out: ImageTable) -> None:
    """Blend each image by each of its factors, float64 of shape (n, n_levels)."""
    rows = table(originals, np.rint(10 * factors).astype(np.int64), out)
    n, n_levels = factors.shape
    most = int(originals.images.n_samples.max())
    total = torch.zeros(n, dtype=torch.int64, device=rows.device)
    _add_luma[triton.cdiv(most // 3, _BLOCK), n](rows, total, n_levels, BLOCK=_BLOCK)
    _blend[triton.cdiv(most, _BLOCK), n](rows, total, n_levels, BLOCK=_BLOCK)


@triton.jit(do_not_specialize=["n_levels"])
def _add_luma(table, total, n_levels, BLOCK: tl.constexpr):
    row = image_row(table, tl.program_id(1), n_levels)
    n_pixels = height_of(row) * width_of(row)
    if tl.program_id(0) * BLOCK < n_pixels:
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        inside = at < n_pixels
        pixels = source_of(row) + at.to(tl.int64) * 3
        red = tl.load(pixels, mask=inside, other=0).to(tl.int32)
        green = tl.load(pixels + 1, mask=inside, other=0).to(tl.int32)
        blue = tl.load(pixels + 2, mask=inside, other=0).to(tl.int32)
        luma = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
        tl.atomic_add(total + tl.program_id(1), tl.sum(luma, axis=0).to(tl.int64))


@triton.jit(do_not_specialize=["n_levels"])
def _blend(table, total, n_levels, BLOCK: tl.constexpr):
    row = image_row(table, tl.program_id(1), n_levels)
    n_pixels = height_of(row) * width_of(row)
    n_samples = n_pixels * 3
    if tl.program_id(0) * BLOCK < n_samples:
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        inside = at < n_samples
        samples = tl.load(source_of(row) + at, mask=inside, other=0).to(tl.int32)
        doubled = 2 * n_pixels.to(tl.int64)
        grey = ((2 * tl.load(total + tl.program_id(1)) + n_pixels) // doubled).to(tl.int32)
        level_out = out_of(row) + at
        for level in range(n_levels):
            k = value_of(row, level)
            blended = (k * samples + (10 - k) * grey + 5) // 10
            tl.store(level_out, blended.to(tl.uint8), mask=inside)
            level_out += n_samples
