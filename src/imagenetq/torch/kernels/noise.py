"""Add Gaussian noise at all levels in one pass; the twin of `imagenetq.torch.noise`."""

from collections.abc import Sequence

import numpy as np
import torch
import triton
import triton.language as tl

from imagenetq.distortions.noise import noise_key
from imagenetq.specification import Value
from imagenetq.torch.kernels.arguments import integers
from imagenetq.torch.kernels.philox import random_words, signed_halves
from imagenetq.torch.noise import quantiles_on
from imagenetq.torch.original import Original, Originals
from imagenetq.torch.transfer import table_on

_BLOCKS = 64
"""Number of the generator's blocks that a program draws; each is for 16 samples."""


def noise(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Do what `imagenetq.torch.noise.noise` does."""
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


def noise_each(originals: Originals, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Add to each of several originals its own noise, at its own sigma."""
    device, n, n_samples = out.device, len(originals.pixels), originals.pixels[0].numel()
    keys = [signed_halves(noise_key(image_id)) for image_id in originals.image_ids]
    _noise_each[(triton.cdiv(n_samples, _BLOCKS * 16), n)](
        originals.pixels,
        table_on(np.array(keys, np.int64), device),
        quantiles_on(device),
        integers(tuple(map(int, sigmas)), device),
        out,
        n_samples,
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
    at, z = _drawn(key_low, key_high, quantiles, BLOCKS)
    inside = at < n_samples
    samples = tl.load(pixels + at, mask=inside, other=0).to(tl.int32)
    level_out = out + at
    for level in range(n_levels):
        tl.store(level_out, _noisy(samples, z, tl.load(sigmas + level)), mask=inside)
        level_out += n_samples


@triton.jit(do_not_specialize=["n_samples"], do_not_specialize_on_alignment=["pixels", "out"])
def _noise_each(pixels, keys, quantiles, sigmas, out, n_samples, BLOCKS: tl.constexpr):
    picture = tl.program_id(1).to(tl.int64)
    key_low, key_high = tl.load(keys + 2 * picture), tl.load(keys + 2 * picture + 1)
    at, z = _drawn(key_low, key_high, quantiles, BLOCKS)
    inside = at < n_samples
    at += picture * n_samples
    samples = tl.load(pixels + at, mask=inside, other=0).to(tl.int32)
    tl.store(out + at, _noisy(samples, z, tl.load(sigmas + picture)), mask=inside)


@triton.jit
def _drawn(key_low, key_high, quantiles, BLOCKS: tl.constexpr):
    """Give the places of a program's samples, and their deviates in units of 2^-16."""
    block = tl.program_id(0).to(tl.int64) * BLOCKS + tl.arange(0, BLOCKS)
    w0, w1, w2, w3 = random_words(block, key_low, key_high)
    # A block's four words are the indices of 16 samples, the lower bits first.
    place = tl.arange(0, 16)[None, :]
    word = tl.where(
        place < 8,
        tl.where(place < 4, w0[:, None], w1[:, None]),
        tl.where(place < 12, w2[:, None], w3[:, None]),
    )
    indices = ((word >> (place % 4 * 16).to(tl.uint64)) & 0xFFFF).to(tl.int32)
    return block[:, None] * 16 + place, tl.load(quantiles + indices)


@triton.jit
def _noisy(samples, z, sigma):
    noisy = samples + ((z * sigma + 32768) >> 16)
    return tl.minimum(tl.maximum(noisy, 0), 255).to(tl.uint8)
