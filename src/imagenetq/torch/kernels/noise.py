"""Gaussian noise at all levels in one pass; the twin of `imagenetq.torch.noise`."""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl

from imagenetq.distortions.noise import noise_key
from imagenetq.specification import Value
from imagenetq.torch.kernels.arguments import integers
from imagenetq.torch.kernels.philox import random_words, signed_halves
from imagenetq.torch.noise import quantiles_on
from imagenetq.torch.original import Original

_BLOCKS = 64
"""Of the generator, a program; each is 16 samples."""


def noise(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """As `imagenetq.torch.noise.noise`."""
    device, n_samples = out.device, original.pixels.numel()
    _noise[(triton.cdiv(n_samples, _BLOCKS * 16),)](
        original.pixels,
        *signed_halves(noise_key(original.image_id)),
        quantiles_on(device),
        integers(tuple(map(int, sigmas)), device),
        out,
        n_samples,
        len(sigmas),
        BLOCKS=_BLOCKS,
    )


@triton.jit(
    do_not_specialize=["key_low", "key_high", "n_samples", "n_levels"],
    do_not_specialize_on_alignment=["out"],
)
def _noise(
    pixels,
    key_low,
    key_high,
    quantiles,
    sigmas,
    out,
    n_samples,
    n_levels,
    BLOCKS: tl.constexpr,
):
    block = tl.program_id(0).to(tl.int64) * BLOCKS + tl.arange(0, BLOCKS)
    w0, w1, w2, w3 = random_words(block, key_low, key_high)
    # A block's four words are the indices of 16 samples, the lower bits first.
    place = tl.arange(0, 16)[None, :]
    at = block[:, None] * 16 + place
    word = tl.where(
        place < 8,
        tl.where(place < 4, w0[:, None], w1[:, None]),
        tl.where(place < 12, w2[:, None], w3[:, None]),
    )
    indices = ((word >> (place % 4 * 16).to(tl.uint64)) & 0xFFFF).to(tl.int32)
    z = tl.load(quantiles + indices)
    inside = at < n_samples
    samples = tl.load(pixels + at, mask=inside, other=0).to(tl.int32)
    level_out = out + at
    for level in range(n_levels):
        noisy = samples + ((z * tl.load(sigmas + level) + 32768) >> 16)
        noisy = tl.minimum(tl.maximum(noisy, 0), 255)
        tl.store(level_out, noisy.to(tl.uint8), mask=inside)
        level_out += n_samples
