"""Change contrast at all levels after a pass for mean luma; twin of `imagenetq.torch.contrast`."""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl

from imagenetq.specification import Value
from imagenetq.torch.kernels.arguments import integers
from imagenetq.torch.original import Original, Originals

_BLOCK = 1024


def contrast(original: Original, factors: Sequence[Value], out: torch.Tensor) -> None:
    """Do what `imagenetq.torch.contrast.contrast` does."""
    _contrast(original.pixels[None], factors, out)


def contrast_each(originals: Originals, factors: Sequence[Value], out: torch.Tensor) -> None:
    """Blend each of several originals by its own factor."""
    _contrast(originals.pixels, factors, out)


def _contrast(pixels: torch.Tensor, factors: Sequence[Value], out: torch.Tensor) -> None:
    """Blend one picture by every factor, or each of several by its own."""
    n, n_samples = len(pixels), pixels[0].numel()
    n_pixels = n_samples // 3
    total = torch.zeros(n, dtype=torch.int64, device=out.device)
    _add_luma[(triton.cdiv(n_pixels, _BLOCK), n)](pixels, total, n_pixels, BLOCK=_BLOCK)
    _blend[(triton.cdiv(n_samples, _BLOCK), n)](
        pixels,
        total,
        integers(tuple(round(10 * factor) for factor in factors), out.device),
        out,
        n_samples,
        len(factors) // n,
        BLOCK=_BLOCK,
    )


@triton.jit(
    do_not_specialize=["n_pixels"],
    do_not_specialize_on_alignment=[],
)
def _add_luma(pixels, total, n_pixels, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n_pixels
    picture = tl.program_id(1).to(tl.int64)
    pixels += picture * n_pixels * 3
    red = tl.load(pixels + at * 3, mask=inside, other=0).to(tl.int32)
    green = tl.load(pixels + at * 3 + 1, mask=inside, other=0).to(tl.int32)
    blue = tl.load(pixels + at * 3 + 2, mask=inside, other=0).to(tl.int32)
    luma = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
    tl.atomic_add(total + picture, tl.sum(luma, axis=0).to(tl.int64))


@triton.jit(
    do_not_specialize=["n_samples", "n_levels"],
    do_not_specialize_on_alignment=["out"],
)
def _blend(pixels, total, tenths, out, n_samples, n_levels, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n_samples
    picture = tl.program_id(1).to(tl.int64)
    pixels += picture * n_samples
    samples = tl.load(pixels + at, mask=inside, other=0).to(tl.int32)
    n_pixels = (n_samples // 3).to(tl.int64)
    grey = ((2 * tl.load(total + picture) + n_pixels) // (2 * n_pixels)).to(tl.int32)
    level_out = out + picture * n_levels * n_samples + at
    tenths += picture * n_levels
    for level in range(n_levels):
        k = tl.load(tenths + level)
        blended = (k * samples + (10 - k) * grey + 5) // 10
        tl.store(level_out, blended.to(tl.uint8), mask=inside)
        level_out += n_samples
