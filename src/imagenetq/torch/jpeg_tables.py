"""Define the constants of libjpeg's baseline coding: quantisation tables and integer transform.

The tables are those of ITU-T T.81, annex K. The transform's factors are those of Loeffler,
Ligtenberg and Moschytz (1989) in units of 2^-13, as the library's accurate integer method ("islow")
uses them.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.torch.transfer import kept_on_device, table_on

_LUMA = """
16 11 10 16 24 40 51 61
12 12 14 19 26 58 60 55
14 13 16 24 40 57 69 56
14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77
24 35 55 64 81 104 113 92
49 64 78 87 103 121 120 101
72 92 95 98 112 100 103 99
"""
_BASE = np.full((2, 8, 8), 99, np.int32)
_BASE[0] = np.reshape(_LUMA.split(), (8, 8)).astype(np.int32)
_BASE[1, :4, :4] = (17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99)


def quantisation(quality: int) -> NDArray[np.int32]:
    """Compute luma's and chroma's tables for libjpeg's quality, 1 to 100.

    They are int32 of shape (2, 8, 8), by vertical and horizontal frequency, 1 to 255.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_BASE * scale + 50) // 100, 1, 255)


@kept_on_device(128)
def quantisation_on(qualities: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Bring the tables of several qualities to a device; int32 of shape (qualities, 2, 8, 8)."""
    return table_on(np.stack([quantisation(quality) for quality in qualities]), device)


@cache
def transform() -> NDArray[np.int32]:
    """Compute the forward transform of eight samples in units of 2^-13; int32 of shape (8, 8).

    The library shares products between outputs, so its matrix is not that of the rounded cosines:
    entries that should be equal differ by one. The matrix is found by transforming unit vectors.
    """
    x = np.eye(8, dtype=np.int64)
    sums, differences = x[:4] + x[:3:-1], x[:4] - x[:3:-1]
    outer, inner = sums[0] + sums[3], sums[1] + sums[2]
    outer_difference, inner_difference = sums[0] - sums[3], sums[1] - sums[2]
    shared = (inner_difference + outer_difference) * 4433
    odd7, odd5, odd3, odd1 = differences
    z1, z2 = (odd1 + odd7) * -7373, (odd3 + odd5) * -20995
    z5 = (odd1 + odd5 + odd3 + odd7) * 9633
    z3, z4 = (odd1 + odd5) * -16069 + z5, (odd3 + odd7) * -3196 + z5
    rows = [
        (outer + inner) * 8192,
        odd7 * 12299 + z1 + z4,
        shared + outer_difference * 6270,
        odd5 * 25172 + z2 + z3,
        (outer - inner) * 8192,
        odd3 * 16819 + z2 + z4,
        shared - inner_difference * 15137,
        odd1 * 2446 + z1 + z3,
    ]
    return np.stack(rows).astype(np.int32)
