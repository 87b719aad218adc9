"""Run every kernel in Triton's interpreter on small pictures; prints what differs."""

import numpy as np
import torch
import triton
import triton.language as tl

from exactness import differences, differences_of_each
from imagenetq.torch.engine import triton_engine
from imagenetq.torch.kernels.philox import random_words

# The interpreter takes seconds for a level of blur or JPEG, so only some.
ONLY = [
    *("clean", "blur-1", "blur-4", "noise-10", "noise-100", "contrast-0.9", "contrast-0.0"),
    *("jpeg-20", "jpeg-2"),
]

KEYS = [
    *(0, 1, 2**31 - 1, 2**63, 2**64 - 1, 2**64, 2**127 + 5, 2**128 - 1),
    0x9E3779B97F4A7C15F39CC060,
]


@triton.jit
def _draw(out, key_low, key_high):
    block = tl.arange(0, 16)
    w0, w1, w2, w3 = random_words(block.to(tl.int64), key_low, key_high)
    tl.store(out + block * 4, w0.to(tl.int64))
    tl.store(out + block * 4 + 1, w1.to(tl.int64))
    tl.store(out + block * 4 + 2, w2.to(tl.int64))
    tl.store(out + block * 4 + 3, w3.to(tl.int64))


def other_words() -> list[str]:
    """The keys for which numpy draws others."""
    found = []
    for key in KEYS:
        out = torch.zeros(64, dtype=torch.int64)
        # Triton gives a whole number the type that its value fits; signed halves always fit.
        low, high = np.frombuffer(key.to_bytes(16, "little"), "<i8").tolist()
        _draw[(1,)](out, low, high)
        if (out.numpy().view(np.uint64) != np.random.Philox(key=key).random_raw(64)).any():
            found.append(f"key {key}")
    return found


if __name__ == "__main__":
    samples = np.random.default_rng(0)
    pictures = [
        samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height, width in ((1, 1), (9, 4), (13, 16), (9, 4))
    ]
    found = differences(pictures, triton_engine(), torch.device("cpu"), ONLY)
    found += differences_of_each(pictures, triton_engine(), torch.device("cpu"), ONLY)
    # More samples than a program draws at a time.
    large = [np.tile(pictures[2], (4, 4, 1)), pictures[1]]
    found += differences(large, triton_engine(), torch.device("cpu"), ["noise-30"])
    found += other_words()
    print(found)
