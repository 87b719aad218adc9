"""Gaussian blur, exact: integer weights, one rounding at the end.

The weights are whole multiples of 2^-22, so after both passes every sample, with the half that
rounds it, is a whole multiple of 2^-45 below 2^8: 53 bits, which a float64 holds exactly, in
whatever order it is summed and with or without fused multiply-add. That allows the quickest summation at hand, a matrix product: a block
of output rows is a small Toeplitz matrix times the rows that it needs.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from imagenetq.distortions.base import Distorted, Original, Pixels
from imagenetq.specification import Value

_UNIT = 2**22
# Outputs a matrix product computes at once: enough to keep it busy, few enough to waste little
# on the zeros in the Toeplitz matrices. Measured.
_BLOCK = 8
# Samples of a band of rows that is blurred at once: small enough for the cache, and so that a
# large photograph needs no gigabytes of float64.
_BAND_SAMPLES = 1 << 17


@cache
def gaussian_taps(sigma: int) -> NDArray[np.int64]:
    """The kernel's weights in units of 2^-22; they sum to 2^22.

    Args:
        sigma: standard deviation in pixels.

    Returns:
        Shape (4 * sigma + 1,), symmetric, the rounding's remainder in the centre.
    """
    radius = 2 * sigma
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    taps: NDArray[np.int64] = np.rint(weights / weights.sum() * _UNIT).astype(np.int64)
    taps[radius] += _UNIT - taps.sum()
    return taps


def reflect(indices: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Fold indices outside 0 .. size-1 back inside.

    The border is a mirror that does not repeat the edge sample, and folds as often as a small
    image needs.
    """
    period = max(2 * (size - 1), 1)
    folded = np.abs(indices) % period
    return np.minimum(folded, period - folded) if size > 1 else np.zeros_like(indices)


def blur(original: Original, sigmas: Sequence[Value]) -> Iterator[Distorted]:
    """Convolve with a Gaussian, window 4 * sigma + 1.

    Args:
        original: the image.
        sigmas: standard deviations in pixels, whole numbers from 1.

    Yields:
        For each sigma the blurred image: `(sum + 2^43) >> 44` over both passes.
    """
    height, width, _ = original.pixels.shape
    border = 2 * int(max(sigmas))
    rows = reflect(_padded(height, border), height)
    columns = reflect(_padded(width, border), width)
    padded = original.pixels.take(rows, axis=0).take(columns, axis=1)
    for sigma in sigmas:
        inset = border - 2 * int(sigma)
        needed = padded[inset : len(rows) - inset, inset : len(columns) - inset]
        yield Distorted(_blur(needed, int(sigma), height, width))


def _padded(size: int, border: int) -> NDArray[np.int64]:
    """Indices of the samples that whole blocks covering `size` outputs need."""
    return np.arange(-border, -(-size // _BLOCK) * _BLOCK + border)


@cache
def _toeplitz(sigma: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrices that turn a run of samples into a block of outputs.

    Returns:
        Shape (block, run), for rows; and shape (3 * run, 3 * block), for a row of interleaved
        channels: two thirds are zeros, which is still quicker than to take the channels apart.
    """
    taps = gaussian_taps(sigma) / _UNIT
    matrix = np.zeros((_BLOCK, _BLOCK + len(taps) - 1))
    for row in range(_BLOCK):
        matrix[row, row : row + len(taps)] = taps
    return matrix, np.ascontiguousarray(np.kron(matrix, np.eye(3)).T)


def _blur(padded: Pixels, sigma: int, height: int, width: int) -> Pixels:
    """Blur whole blocks and their border of 2 sigma; returns shape (height, width, 3)."""
    down, across = _toeplitz(sigma)
    border = 2 * sigma
    covered = 3 * (padded.shape[1] - 2 * border)
    band_height = max(_BLOCK, _BAND_SAMPLES // (3 * width) // _BLOCK * _BLOCK)
    blurred = np.empty((height, 3 * width), np.uint8)
    for top in range(0, height, band_height):
        n_rows = min(band_height, height - top)
        n_blocks = -(-n_rows // _BLOCK)
        # The weights sum to one, so a half that is added here is there for the rounding.
        band = np.add(padded[top : top + n_blocks * _BLOCK + 2 * border], 0.5)
        runs = sliding_window_view(band.reshape(len(band), -1), down.shape[1], axis=0)
        vertical = np.matmul(down, runs[::_BLOCK].swapaxes(1, 2))
        vertical = vertical.reshape(n_blocks * _BLOCK, -1)[:n_rows]
        runs = sliding_window_view(vertical, across.shape[0], axis=1)[:, :: 3 * _BLOCK]
        both = np.empty((n_rows, covered))
        blocks = both.reshape(n_rows, -1, 3 * _BLOCK).swapaxes(0, 1)
        np.matmul(runs.swapaxes(0, 1), across, out=blocks)
        blurred[top : top + n_rows] = both[:, : 3 * width]
    return blurred.reshape(height, width, 3)
