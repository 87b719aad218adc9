"""Run the three coding passes over a code block's bit planes (annex D).

Encoder and decoder run the same passes. At each decision a pass gives a context; the encoder codes
the coefficient's bit in it, the decoder reads the bit.
"""

from collections.abc import Callable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from imagenetq.torch.jpeg2000.tables import MAGNITUDE, RUN, UNIFORM, context_tables

_CONTEXTS = context_tables().tolist()

_STRIPE = 4

Decide = Callable[[int, int], int]
"""Takes a context and the encoder's bit, and gives the bit that was coded; decoders ignore the
bit that they take."""


class Kind(IntEnum):
    """The kind of a coding pass."""

    SIGNIFICANCE = 0
    REFINEMENT = 1
    CLEANUP = 2


def plane_and_kind(number: int, n_planes: int) -> tuple[int, Kind]:
    """Find bit plane and kind of a code block's pass, counted from 0; the first is a cleanup."""
    return n_planes - 1 - (number + 2) // 3, Kind((number + 2) % 3)


def n_passes(n_planes: int) -> int:
    """Count the passes of a code block of `n_planes` bit planes."""
    return max(0, 3 * n_planes - 2)


class Scan:
    """A code block between two passes.

    It is made of the coefficients, int32 of shape (height, width) or zeros for a decoder, and of
    the band whose contexts to take. All arrays have one row and column more on each side, which
    stay zero.

    Attributes:
        significant: 1 where a coefficient is known not to be zero.
        negative: 1 where it is known to be negative.
        visited: 1 where this plane's significance pass coded a decision.
        refined: 1 where a refinement pass has been.
        early: 1 where a significance pass, not a cleanup, found the coefficient significant.
        doubled: twice the magnitude that a decoder would give now.
    """

    def __init__(self, values: NDArray[np.int32], band: int) -> None:
        self._height, self._width = values.shape
        self._magnitudes = np.pad(np.abs(values), 1).tolist()
        self._signs = np.pad(values < 0, 1).astype(int).tolist()
        self._zero_coding = _CONTEXTS[band]
        self.significant, self.negative, self.visited, self.refined, self.early, self.doubled = (
            [[0] * (self._width + 2) for _ in range(self._height + 2)] for _ in range(6)
        )

    def run(self, kind: Kind, plane: int, decide: Decide) -> None:
        """Run one pass over one bit plane."""
        if kind is Kind.SIGNIFICANCE:
            self.visited = [[0] * (self._width + 2) for _ in range(self._height + 2)]
        code = (self._significance, self._refinement, self._cleanup)[kind]
        for top in range(1, self._height + 1, _STRIPE):
            bottom = min(top + _STRIPE, self._height + 1)
            for x in range(1, self._width + 1):
                code(top, bottom, x, plane, decide)

    def _significance(self, top: int, bottom: int, x: int, plane: int, decide: Decide) -> None:
        for y in range(top, bottom):
            near = self._neighbours(y, x)
            if self.significant[y][x] or not near:
                continue
            self.visited[y][x] = 1
            if decide(self._zero_coding[near], self._magnitudes[y][x] >> plane & 1):
                self.early[y][x] = 1
                self._becomes_significant(y, x, plane, decide)

    def _refinement(self, top: int, bottom: int, x: int, plane: int, decide: Decide) -> None:
        for y in range(top, bottom):
            if not self.significant[y][x] or self.visited[y][x]:
                continue
            context = 2 if self.refined[y][x] else self._neighbours(y, x) != 0
            bit = decide(MAGNITUDE + context, self._magnitudes[y][x] >> plane & 1)
            self.refined[y][x] = 1
            self.doubled[y][x] += 1 << plane if bit else -(1 << plane)

    def _cleanup(self, top: int, bottom: int, x: int, plane: int, decide: Decide) -> None:
        y = top
        if self._starts_run(top, bottom, x):
            bits = [self._magnitudes[row][x] >> plane & 1 for row in range(top, bottom)]
            if not decide(RUN, any(bits)):
                return
            first = bits.index(1) if any(bits) else 0
            skipped = decide(UNIFORM, first >> 1) << 1
            y = top + (skipped | decide(UNIFORM, first & 1))
            self._becomes_significant(y, x, plane, decide)
            y += 1
        for row in range(y, bottom):
            if self.significant[row][x] or self.visited[row][x]:
                continue
            near = self._neighbours(row, x)
            if decide(self._zero_coding[near], self._magnitudes[row][x] >> plane & 1):
                self._becomes_significant(row, x, plane, decide)

    def _starts_run(self, top: int, bottom: int, x: int) -> bool:
        """Tell whether one decision may stand for a whole column of a stripe."""
        return bottom - top == _STRIPE and not any(
            self.significant[row][column]
            for row in range(top - 1, bottom + 1)
            for column in (x - 1, x, x + 1)
        )

    def _becomes_significant(self, y: int, x: int, plane: int, decide: Decide) -> None:
        index = 0
        for side, (row, column) in enumerate(((y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x))):
            both = self.significant[row][column] | self.negative[row][column] << 1
            index |= both << 2 * side
        entry = _CONTEXTS[4][index]
        context, flip = entry & 127, entry >> 7
        self.negative[y][x] = decide(context, self._signs[y][x] ^ flip) ^ flip
        self.significant[y][x] = 1
        self.doubled[y][x] = 3 << plane

    def _neighbours(self, y: int, x: int) -> int:
        above, here, below = self.significant[y - 1], self.significant[y], self.significant[y + 1]
        return (
            above[x - 1]
            | here[x - 1] << 1
            | below[x - 1] << 2
            | above[x] << 3
            | below[x] << 4
            | above[x + 1] << 5
            | here[x + 1] << 6
            | below[x + 1] << 7
        )
