"""Run every kernel in Triton's interpreter on one small picture; prints what differs."""

import sys

import numpy as np
import torch

from exactness import PREPROCESSINGS, differences
from imagenetq.evaluate.rendering.engine import triton_engine
from imagenetq.evaluate.rendering.kernels import looked_up

# The interpreter takes seconds for a level of blur or JPEG, so only some.
ONLY = [
    *("clean", "blur-1", "blur-4", "noise-10", "noise-100", "contrast-0.9", "contrast-0.0"),
    *("jpeg-20", "jpeg-2"),
]

if __name__ == "__main__":
    height, width = map(int, sys.argv[1].split("x"))
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    # One that resizes, squashing; one that pads.
    some = [PREPROCESSINGS[3], PREPROCESSINGS[5]]
    found = differences(pixels, triton_engine(), torch.device("cpu"), some, ONLY, crop_every=4)
    if height * width > 100:
        # More samples than a program draws at a time.
        large = np.tile(pixels, (4, 4, 1))
        found += differences(large, triton_engine(), torch.device("cpu"), [], ["noise-30"])
    table = torch.rand(256, 3)
    samples = torch.from_numpy(pixels)[None]
    expected = torch.stack([table[:, c][samples[..., c].long()] for c in range(3)], dim=1)
    if not torch.equal(looked_up(samples, table), expected):
        found.append("looked up")
    print(found)
