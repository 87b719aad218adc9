"""Gaussian noise at all levels in one pass; the twin of `rendering.noise`."""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl

from imagenetq.evaluate.rendering.kernels.arguments import integers
from imagenetq.evaluate.rendering.noise import field_of, quantiles_on
from imagenetq.evaluate.rendering.original import Original
from imagenetq.specification import Value

_BLOCK = 1024


def noise(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """As `rendering.noise.noise`."""
    device, n_samples = out.device, original.pixels.numel()
    _noise[(triton.cdiv(n_samples, _BLOCK),)](
        original.pixels,
        field_of(original).view(torch.int16),
        quantiles_on(device),
        integers(tuple(map(int, sigmas)), device),
        out,
        n_samples,
        len(sigmas),
        BLOCK=_BLOCK,
    )


@triton.jit(
    do_not_specialize=["n_samples", "n_levels"],
    do_not_specialize_on_alignment=["out"],
)
def _noise(pixels, field, quantiles, sigmas, out, n_samples, n_levels, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n_samples
    samples = tl.load(pixels + at, mask=inside, other=0).to(tl.int32)
    # torch's uint16 arrives as int16.
    indices = tl.load(field + at, mask=inside, other=0).to(tl.int32) & 0xFFFF
    z = tl.load(quantiles + indices)
    level_out = out + at
    for level in range(n_levels):
        noisy = samples + ((z * tl.load(sigmas + level) + 32768) >> 16)
        noisy = tl.minimum(tl.maximum(noisy, 0), 255)
        tl.store(level_out, noisy.to(tl.uint8), mask=inside)
        level_out += n_samples
