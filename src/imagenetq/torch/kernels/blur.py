"""Blur with a Gaussian at all levels in two passes; the twin of `imagenetq.torch.blur`.

Between the passes every sample is a whole number below 2^30, in units of 2^-22. Samples are kept
with the mirrored columns that the second pass needs, so that it reads without looking for borders.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import triton
import triton.language as tl

from imagenetq.distortions.blur import gaussian_taps, reflect
from imagenetq.specification import Value
from imagenetq.torch.original import Original, Originals
from imagenetq.torch.transfer import table_on

_BLOCK = 1024


def blur(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Do what `imagenetq.torch.blur.blur` does."""
    _blur(original.pixels[None], sigmas, out)


def blur_each(originals: Originals, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Blur each of several originals at its own sigma."""
    _blur(originals.pixels, sigmas, out)


def _blur(pixels: torch.Tensor, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Blur one picture at every sigma, or each of several at its own."""
    n, height, width, _ = pixels.shape
    device = out.device
    whole = tuple(map(int, sigmas))
    margin = 2 * max(whole)
    padded = (width + 2 * margin) * 3
    halfway = torch.empty((len(whole), height, padded), dtype=torch.int32, device=device)
    taps, radii = _kernels(whole, device)
    _vertical[(triton.cdiv(height, 4), triton.cdiv(padded, _BLOCK), len(whole))](
        pixels,
        0 if n == 1 else height * width * 3,
        _mirrored(height, margin, device),
        _mirrored(width, margin, device),
        taps,
        radii,
        halfway,
        height,
        width * 3,
        padded,
        margin,
        taps.shape[1],
        BLOCK=_BLOCK,
    )
    _horizontal[(height, triton.cdiv(width * 3, _BLOCK), len(whole))](
        halfway, taps, radii, out, width * 3, padded, margin, taps.shape[1], BLOCK=_BLOCK
    )


@lru_cache
def _kernels(sigmas: tuple[int, ...], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Give each level's taps between zeros, int32 of shape (levels, n), and radius, (levels,)."""
    taps = np.zeros((len(sigmas), 4 * max(sigmas) + 1 + 6), np.int32)
    for level, sigma in enumerate(sigmas):
        taps[level, 3 : 3 + 4 * sigma + 1] = gaussian_taps(sigma)
    radii = np.array([2 * sigma for sigma in sigmas], np.int32)
    return table_on(taps, device), table_on(radii, device)


@lru_cache(maxsize=1024)
def _mirrored(size: int, margin: int, device: torch.device) -> torch.Tensor:
    """List, in int32, which sample stands at each place from `-margin` to `size + margin`."""
    return table_on(reflect(np.arange(-margin, size + margin), size).astype(np.int32), device)


@triton.jit(
    do_not_specialize=["next_picture", "height", "row_samples", "padded", "margin", "most_taps"]
)
def _vertical(
    pixels,
    next_picture,
    rows,
    columns,
    taps,
    radii,
    halfway,
    height,
    row_samples,
    padded,
    margin,
    most_taps,
    BLOCK: tl.constexpr,
):
    """Blur four rows at once, because they share most of the rows that they are made of."""
    row, level = tl.program_id(0) * 4, tl.program_id(2)
    pixels += level.to(tl.int64) * next_picture
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < padded
    column = tl.load(columns + at // 3, mask=inside, other=0) * 3 + at % 3
    radius = tl.load(radii + level)
    # For the other rows, three zeros stand before the taps and three after them.
    tap = taps + level * most_taps + 3
    total0 = tl.zeros((BLOCK,), tl.int32)
    total1 = tl.zeros((BLOCK,), tl.int32)
    total2 = tl.zeros((BLOCK,), tl.int32)
    total3 = tl.zeros((BLOCK,), tl.int32)
    for step in range(2 * radius + 4):
        place = tl.minimum(row + margin - radius + step, height + 2 * margin - 1)
        source = tl.load(rows + place).to(tl.int64)
        samples = tl.load(pixels + source * row_samples + column, mask=inside, other=0)
        samples = samples.to(tl.int32)
        total0 += samples * tl.load(tap + step)
        total1 += samples * tl.load(tap + step - 1)
        total2 += samples * tl.load(tap + step - 2)
        total3 += samples * tl.load(tap + step - 3)
    to = halfway + (level.to(tl.int64) * height + row) * padded + at
    tl.store(to, total0, mask=inside)
    tl.store(to + padded, total1, mask=inside & (row + 1 < height))
    tl.store(to + 2 * padded, total2, mask=inside & (row + 2 < height))
    tl.store(to + 3 * padded, total3, mask=inside & (row + 3 < height))


@triton.jit(
    do_not_specialize=["row_samples", "padded", "margin", "most_taps"],
    do_not_specialize_on_alignment=["out"],
)
def _horizontal(
    halfway, taps, radii, out, row_samples, padded, margin, most_taps, BLOCK: tl.constexpr
):
    row, level = tl.program_id(0), tl.program_id(2)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < row_samples
    line = level.to(tl.int64) * tl.num_programs(0) + row
    radius = tl.load(radii + level)
    start = halfway + line * padded + (margin - radius) * 3 + at
    total = tl.zeros((BLOCK,), tl.int64)
    for tap in range(2 * radius + 1):
        samples = tl.load(start + tap * 3, mask=inside, other=0).to(tl.int64)
        total += samples * tl.load(taps + level * most_taps + 3 + tap).to(tl.int64)
    blurred = (total + (1 << 43)) >> 44
    tl.store(out + line * row_samples + at, blurred.to(tl.uint8), mask=inside)
