"""Render the JPEG 2000 ladder in plain Python, to test the rules of the kernels without a GPU.

This code is slow, and meant to be read. No codestream is written or read. What OpenJPEG's decoder
gives after the first layers follows from the coefficients, from how many coding passes of each code
block the layers hold, and from one bit for each coefficient: whether it became significant in a
significance pass or in a cleanup pass. The arithmetic coder runs once, to learn how many bytes each
pass takes.
"""

from collections.abc import Iterator

import numpy as np

from imagenetq.distortions import Pixels
from imagenetq.torch.jpeg2000.geometry import code_blocks
from imagenetq.torch.jpeg2000.reference.allocation import passes_by_layer
from imagenetq.torch.jpeg2000.reference.coding import code
from imagenetq.torch.jpeg2000.reference.decoding import decoded
from imagenetq.torch.jpeg2000.reference.wavelet import analyse, synthesise

__all__ = ["render"]


def render(pixels: Pixels) -> Iterator[Pixels]:
    """Compress and decompress a picture at all targets, the lowest PSNR first."""
    height, width, _ = pixels.shape
    coefficients = analyse(pixels)
    areas, blocks = [], []
    for row in code_blocks(width, height):
        _, _, component, band, level, x, y, w, h = row.tolist()
        areas.append((component, slice(y, y + h), slice(x, x + w)))
        blocks.append(code(coefficients[areas[-1]], component, band, level))
    for taken in passes_by_layer(blocks, width * height):
        layer = np.zeros_like(coefficients)
        for area, block, n_taken in zip(areas, blocks, taken, strict=True):
            layer[area] = decoded(block, n_taken)
        yield synthesise(layer)
