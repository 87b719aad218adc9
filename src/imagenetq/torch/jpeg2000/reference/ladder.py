"""Render all levels of one picture."""

from collections.abc import Iterator

import numpy as np

from imagenetq.distortions import Pixels
from imagenetq.torch.jpeg2000.geometry import code_blocks
from imagenetq.torch.jpeg2000.reference.allocation import passes_by_layer
from imagenetq.torch.jpeg2000.reference.coding import code
from imagenetq.torch.jpeg2000.reference.decoding import decoded
from imagenetq.torch.jpeg2000.reference.wavelet import analyse, synthesise


def render(pixels: Pixels) -> Iterator[Pixels]:
    """Compress and decompress a picture at all targets, the lowest PSNR first."""
    height, width, _ = pixels.shape
    coefficients = analyse(pixels)
    places, blocks = [], []
    for place in code_blocks(width, height):
        component, band, level, x, y, w, h = (int(place[name]) for name in _NAMES)
        places.append((component, slice(y, y + h), slice(x, x + w)))
        blocks.append(code(coefficients[places[-1]], component, band, level))
    for taken in passes_by_layer(blocks, width * height):
        layer = np.zeros_like(coefficients)
        for at, block, n_taken in zip(places, blocks, taken, strict=True):
            layer[at] = decoded(block, n_taken)
        yield synthesise(layer)


_NAMES = ("component", "band", "level", "x", "y", "width", "height")
