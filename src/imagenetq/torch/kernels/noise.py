"""Add Gaussian noise at all levels in one pass; the twin of `imagenetq.torch.noise`."""

import numpy as np
import triton
import triton.language as tl
from numpy.typing import NDArray

from imagenetq.distortions.noise import noise_key_bytes
from imagenetq.torch.kernels.philox import random_words
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
from imagenetq.torch.noise import quantiles_on
from imagenetq.torch.original import ImageTable, Originals

_BLOCKS = 64
"""Number of the generator's blocks that a program draws; each is for 16 samples."""


def noise(originals: Originals, sigmas: NDArray[np.float64], out: ImageTable) -> None:
    """Add noise to each image at each of its sigmas, float64 of shape (n, n_levels)."""
    digests = b"".join([noise_key_bytes(one) for one in originals.image_ids])
    keys = np.frombuffer(digests, "<i8").reshape(-1, 2)
    rows = table(originals, sigmas.astype(np.int64), out, keys[:, 0], keys[:, 1])
    most = int(originals.images.n_samples.max())
    _noise[triton.cdiv(most, _BLOCKS * 16), len(rows)](
        rows, quantiles_on(rows.device), sigmas.shape[1], BLOCKS=_BLOCKS
    )


@triton.jit(do_not_specialize=["n_levels"])
def _noise(table, quantiles, n_levels, BLOCKS: tl.constexpr):
    row = image_row(table, tl.program_id(1), n_levels)
    n_samples = height_of(row) * width_of(row) * 3
    if tl.program_id(0) * (BLOCKS * 16) < n_samples:
        block = tl.program_id(0).to(tl.int64) * BLOCKS + tl.arange(0, BLOCKS)
        w0, w1, w2, w3 = random_words(block, column_of(row, 0), column_of(row, 1))
        # A block's four words are the indices of 16 samples, the lower bits first.
        place = tl.arange(0, 16)[None, :]
        word = tl.where(
            place < 8,
            tl.where(place < 4, w0[:, None], w1[:, None]),
            tl.where(place < 12, w2[:, None], w3[:, None]),
        )
        indices = ((word >> (place % 4 * 16).to(tl.uint64)) & 0xFFFF).to(tl.int32)
        z = tl.load(quantiles + indices)
        at = block[:, None] * 16 + place
        inside = at < n_samples
        samples = tl.load(source_of(row) + at, mask=inside, other=0).to(tl.int32)
        level_out = out_of(row) + at
        for level in range(n_levels):
            noisy = samples + ((z * value_of(row, level) + 32768) >> 16)
            noisy = tl.minimum(tl.maximum(noisy, 0), 255)
            tl.store(level_out, noisy.to(tl.uint8), mask=inside)
            level_out += n_samples
