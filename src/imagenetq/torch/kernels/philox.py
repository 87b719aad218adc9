"""Draw from numpy's Philox4x64-10 in a kernel: each lane draws one of the generator's blocks.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

import triton
import triton.language as tl


@triton.jit
def random_words(block, key_low, key_high) -> tuple[tl.tensor, tl.tensor, tl.tensor, tl.tensor]:
    """Draw four words of 64 random bits.

    Args:
        block: number of blocks that the generator has given before.
        key_low: the lower half of the generator's key, as a signed number.
        key_high: the upper half.
    """
    # Numpy increments its counter before it draws.
    c0 = block.to(tl.uint64) + 1
    c1 = tl.zeros_like(c0)
    c2 = tl.zeros_like(c0)
    c3 = tl.zeros_like(c0)
    k0 = key_low.to(tl.uint64)
    k1 = key_high.to(tl.uint64)
    for _ in tl.static_range(10):
        high0 = tl.umulhi(c0, 0xD2E7470EE14C6C93)
        low0 = c0 * 0xD2E7470EE14C6C93
        high1 = tl.umulhi(c2, 0xCA5A826395121157)
        low1 = c2 * 0xCA5A826395121157
        c0 = high1 ^ c1 ^ k0
        c1 = low1
        c2 = high0 ^ c3 ^ k1
        c3 = low0
        k0 += 0x9E3779B97F4A7C15
        k1 += 0xBB67AE8584CAA73B
    return c0, c1, c2, c3
