"""Run the kernels for inputs in Triton's interpreter on small pictures; prints what differs."""

import numpy as np
import torch

from exactness import PREPROCESSINGS, crop_differences
from imagenetq.evaluate.inputs.kernels import cropped, looked_up

if __name__ == "__main__":
    draws = np.random.default_rng(0)
    # Among them one that shrinks down more than across, which Pillow resizes vertically first.
    pictures = [
        draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height, width in ((1, 1), (9, 4), (13, 16), (400, 9))
    ]
    # One that resizes, squashing; one that pads.
    some = [PREPROCESSINGS[3], PREPROCESSINGS[5]]
    found = crop_differences(pictures, cropped, torch.device("cpu"), some)
    table = torch.rand(256, 3)
    samples = torch.from_numpy(pictures[1])[None]
    expected = torch.stack([table[:, c][samples[..., c].long()] for c in range(3)], dim=1)
    if not torch.equal(looked_up(samples, table), expected):
        found.append("looked up")
    print(found)
