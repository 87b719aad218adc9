"""Contrast at all levels, after a pass for mean luma; the twin of `imagenetq.torch.contrast`."""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl

from imagenetq.specification import Value
from imagenetq.torch.kernels.arguments import integers
from imagenetq.torch.original import Original

_BLOCK = 1024


def contrast(original: Original, factors: Sequence[Value], out: torch.Tensor) -> None:
    """As `imagenetq.torch.contrast.contrast`."""
    n_samples = original.pixels.numel()
    n_pixels = n_samples // 3
    total = torch.zeros(1, dtype=torch.int64, device=out.device)
    _add_luma[(triton.cdiv(n_pixels, _BLOCK),)](original.pixels, total, n_pixels, BLOCK=_BLOCK)
    _blend[(triton.cdiv(n_samples, _BLOCK),)](
        original.pixels,
        total,
        integers(tuple(round(10 * factor) for factor in factors), out.device),
        out,
        n_samples,
        len(factors),
        BLOCK=_BLOCK,
    )


@triton.jit(
    do_not_specialize=["n_pixels"],
    do_not_specialize_on_alignment=[],
)
def _add_luma(pixels, total, n_pixels, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n_pixels
    red = tl.load(pixels + at * 3, mask=inside, other=0).to(tl.int32)
    green = tl.load(pixels + at * 3 + 1, mask=inside, other=0).to(tl.int32)
    blue = tl.load(pixels + at * 3 + 2, mask=inside, other=0).to(tl.int32)
    luma = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
    tl.atomic_add(total, tl.sum(luma, axis=0).to(tl.int64))


@triton.jit(
    do_not_specialize=["n_samples", "n_levels"],
    do_not_specialize_on_alignment=["out"],
)
def _blend(pixels, total, tenths, out, n_samples, n_levels, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n_samples
    samples = tl.load(pixels + at, mask=inside, other=0).to(tl.int32)
    n_pixels = (n_samples // 3).to(tl.int64)
    grey = ((2 * tl.load(total) + n_pixels) // (2 * n_pixels)).to(tl.int32)
    level_out = out + at
    for level in range(n_levels):
        k = tl.load(tenths + level)
        blended = (k * samples + (10 - k) * grey + 5) // 10
        tl.store(level_out, blended.to(tl.uint8), mask=inside)
        level_out += n_samples
