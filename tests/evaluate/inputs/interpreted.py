"""Run the kernels for inputs in Triton's interpreter on one small picture; prints what differs."""

import sys

import numpy as np
import torch

from exactness import PREPROCESSINGS, crop_differences
from imagenetq.evaluate.inputs.kernels import cropped, looked_up

if __name__ == "__main__":
    height, width = map(int, sys.argv[1].split("x"))
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    # One that resizes, squashing; one that pads.
    some = [PREPROCESSINGS[3], PREPROCESSINGS[5]]
    found = crop_differences(pixels, cropped, torch.device("cpu"), some)
    table = torch.rand(256, 3)
    samples = torch.from_numpy(pixels)[None]
    expected = torch.stack([table[:, c][samples[..., c].long()] for c in range(3)], dim=1)
    if not torch.equal(looked_up(samples, table), expected):
        found.append("looked up")
    print(found)
