"""Find where a picture's wavelet bands and code blocks lie (ISO/IEC 15444-1, annex B)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LL, HL, LH, HH = range(4)
"""Numbers of the bands; HL is high along x and low along y."""

BLOCK_SIDE = 64
"""Side of a code block in coefficients; less at a band's right and lower border."""

MOST_LEVELS = 5

LONGEST_SIDE = 2**15 - 1
"""Longest side of a picture in pixels; beyond it a resolution has several precincts."""

_ALIGNED = 16
"""A code block starts at a multiple of this number among all coefficients."""

BLOCK = np.dtype(
    [
        ("start", np.int64),
        ("image", np.int32),
        ("component", np.int32),
        ("band", np.int32),
        ("level", np.int32),
        ("x", np.int32),
        ("y", np.int32),
        ("width", np.int32),
        ("height", np.int32),
    ]
)
"""Type of a code block: `start` is its first coefficient in arrays that hold one block after
another, `image` its picture's place in a group, `component` 0 to 2 (Y, U, V), `level` its wavelet
level (0 is the finest). `x` and `y` are its corner in the component's plane, where each level's low
half lies left of and above its high half."""


def n_levels(width: int, height: int) -> int:
    """Count the wavelet levels of a picture: one less than its resolutions."""
    return min(MOST_LEVELS + 1, min(width, height).bit_length()) - 1


def halved(length: int, level: int) -> int:
    """Compute the length of the low half after `level` levels."""
    return -(-length >> level) if level else length


def n_room(width: int, height: int) -> int:
    """Count the coefficients that a code block takes in arrays of one block after another."""
    return -(-width * height // _ALIGNED) * _ALIGNED


@lru_cache(4096)
def code_blocks(width: int, height: int) -> NDArray[np.void]:
    """List a picture's code blocks as `BLOCK`, in the codestream's order.

    Blocks are ordered by component, then by resolution from the coarsest, then by band, then row by
    row.
    """
    levels = n_levels(width, height)
    rows = []
    start = 0
    for component in range(3):
        for band, level, x, y, band_width, band_height in _bands(width, height, levels):
            for top in range(0, band_height, BLOCK_SIDE):
                for left in range(0, band_width, BLOCK_SIDE):
                    size = min(BLOCK_SIDE, band_width - left), min(BLOCK_SIDE, band_height - top)
                    rows.append((start, 0, component, band, level, x + left, y + top, *size))
                    start += n_room(*size)
    blocks = np.array(rows, BLOCK)
    blocks.flags.writeable = False
    return blocks


def _bands(width: int, height: int, levels: int) -> list[tuple[int, int, int, int, int, int]]:
    """List band, level, left, top, width and height of each band, the coarsest first."""
    bands = [(LL, levels, 0, 0, halved(width, levels), halved(height, levels))]
    for level in reversed(range(levels)):
        low_width, low_height = halved(width, level + 1), halved(height, level + 1)
        high_width = halved(width, level) - low_width
        high_height = halved(height, level) - low_height
        bands += [
            (HL, level, low_width, 0, high_width, low_height),
            (LH, level, 0, low_height, low_width, high_height),
            (HH, level, low_width, low_height, high_width, high_height),
        ]
    return bands
