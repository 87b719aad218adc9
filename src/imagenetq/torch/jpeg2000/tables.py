"""Define the numbers that coder and rate allocation look up: the standard's and OpenJPEG's."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imagenetq.specification import ladder
from imagenetq.torch.jpeg2000.geometry import HH, HL

ZERO_CODING, SIGN_CODING, MAGNITUDE, RUN, UNIFORM = 0, 9, 14, 17, 18
"""First context of each kind (annex D)."""

N_CONTEXTS = 19

INITIAL_STATES = {ZERO_CODING: 4, RUN: 3, UNIFORM: 46}
"""States of the contexts that do not start in state 0 (table D.7)."""

# Table C.2: the less probable symbol's interval, the next states after the more and the less
# probable symbol, and the states in which the two symbols change places.
_Q = [
    *(0x5601, 0x3401, 0x1801, 0x0AC1, 0x0521, 0x0221, 0x5601, 0x5401, 0x4801, 0x3801, 0x3001),
    *(0x2401, 0x1C01, 0x1601, 0x5601, 0x5401, 0x5101, 0x4801, 0x3801, 0x3401, 0x3001, 0x2801),
    *(0x2401, 0x2201, 0x1C01, 0x1801, 0x1601, 0x1401, 0x1201, 0x1101, 0x0AC1, 0x09C1, 0x08A1),
    *(0x0521, 0x0441, 0x02A1, 0x0221, 0x0141, 0x0111, 0x0085, 0x0049, 0x0025, 0x0015, 0x0009),
    *(0x0005, 0x0001, 0x5601),
]
_AFTER_MORE = [1, 2, 3, 4, 5, 38, *range(7, 14), 29, *range(15, 46), 45, 46]
_AFTER_LESS = [
    *(1, 6, 9, 12, 29, 33, 6, 14, 14, 14, 17, 18, 20, 21, 14, 14),
    *range(15, 20),
    *range(19, 44),
    46,
]
_SWITCHING = (0, 6, 14)

NORMS = (
    (1.0, 1.5, 2.75, 5.375, 10.68, 21.34),
    (1.038, 1.592, 2.919, 5.703, 11.33, 22.64),
    (1.038, 1.592, 2.919, 5.703, 11.33, 22.64),
    (0.7186, 0.9218, 1.586, 3.043, 6.019, 12.01),
)
"""Norms of the 5/3 wavelet's synthesis vectors by band and level, as OpenJPEG rounds them."""

COLOUR_NORMS = (1.732, 0.8292, 0.8292)
"""Norms of the reversible colour transform, for Y, U and V."""


def mq_states() -> NDArray[np.int32]:
    """Tabulate the arithmetic coder's states, each index * 2 + more probable symbol.

    Rows of an int32 of shape (3, 94) are the less probable symbol's interval, the state after the
    more probable symbol, and the state after the less probable one.
    """
    states = [(index, symbol) for index in range(47) for symbol in range(2)]
    return np.array(
        [
            [_Q[index] for index, _ in states],
            [_AFTER_MORE[index] * 2 + symbol for index, symbol in states],
            [_AFTER_LESS[index] * 2 + (symbol ^ (index in _SWITCHING)) for index, symbol in states],
        ],
        np.int32,
    )


def context_tables() -> NDArray[np.uint8]:
    """Tabulate contexts by neighbourhood: uint8 of shape (5, 256).

    Rows 0 to 3 are for zero coding, by band. The bits of their index say which neighbours are
    significant: the left column's three from the top, the one above, the one below, the right
    column's three. Row 4 is for sign coding, with 128 added where the sign is flipped. Its index
    has two bits for each of left, right, above and below: whether it is significant, and negative.
    """
    zero_coding = [[_zero_coding(band, index) for index in range(256)] for band in range(4)]
    return np.array([*zero_coding, [_sign_coding(index) for index in range(256)]], np.uint8)


def _zero_coding(band: int, index: int) -> int:
    """Look up a context for zero coding in table D.1."""
    bits = [index >> bit & 1 for bit in range(8)]
    horizontal, vertical = bits[1] + bits[6], bits[3] + bits[4]
    diagonal = bits[0] + bits[2] + bits[5] + bits[7]
    straight = horizontal + vertical
    if band == HH:
        return (min(straight, 2), 3 + min(straight, 2), 6 + (straight > 0), 8)[min(diagonal, 3)]
    if band == HL:
        horizontal, vertical = vertical, horizontal
    if horizontal == 2:
        return 8
    if horizontal == 1:
        return 7 if vertical else 6 if diagonal else 5
    return 2 + vertical if vertical else min(diagonal, 2)


def _sign_coding(index: int) -> int:
    """Look up a context for sign coding in tables D.2 and D.3."""
    left, right, above, below = (
        (index >> 2 * side & 1) * (-1 if index >> 2 * side & 2 else 1) for side in range(4)
    )
    horizontal, vertical = (max(-1, min(1, pair)) for pair in (left + right, above + below))
    flipped = horizontal < 0 or (horizontal == 0 and vertical < 0)
    if flipped:
        horizontal, vertical = -horizontal, -vertical
    return SIGN_CODING + (3 + vertical if horizontal else vertical) + 128 * flipped


def weights() -> NDArray[np.float64]:
    """Compute how much an error counts, float64 of shape (3, 4, 6): component, band, level."""
    counts: NDArray[np.float64] = np.array(COLOUR_NORMS)[:, None, None] * np.array(NORMS)
    return counts


@cache
def targets() -> tuple[float, ...]:
    """List the layers' PSNR in dB, ascending: the first layer is the coarsest."""
    return tuple(sorted(float(value) for value in ladder("jpeg2000").values))


def signal_to_noise() -> NDArray[np.float64]:
    """Compute each layer's ratio of squared peak to mean squared error."""
    # OpenJPEG divides in float32, and then calls the C library's `pow`, as Python does.
    tenths = [float(np.float32(target) / np.float32(10)) for target in targets()]
    return np.array([math.pow(10.0, tenth) for tenth in tenths])
