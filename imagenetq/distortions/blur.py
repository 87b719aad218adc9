"""Gaussian blur, exact: integer weights, one rounding at the end.

The weights are whole multiples of 2^-22, so after both passes every sample is a whole multiple of
2^-44 below 2^8: 52 bits, which a float64 holds exactly, in whatever order it is summed and with or
without fused multiply-add. That allows the quickest summation at hand, a matrix product: a block
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
# on the zeros in the Toeplitz matrix's corners. Measured; 8 to 32 differ little.
_BLOCK = 16
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
    planes = np.ascontiguousarray(original.pixels.transpose(2, 0, 1))
    for sigma in sigmas:
        yield Distorted(_blur(planes, int(sigma)))


@cache
def _toeplitz(sigma: int) -> NDArray[np.float64]:
    """The matrix, shape (block, block + 2 * radius), that turns a run of samples into outputs."""
    taps = gaussian_taps(sigma) / _UNIT
    matrix = np.zeros((_BLOCK, _BLOCK + len(taps) - 1))
    for row in range(_BLOCK):
        matrix[row, row : row + len(taps)] = taps
    return matrix


def _runs(size: int, start: int, sigma: int) -> NDArray[np.int64]:
    """Indices of the samples that whole blocks covering `size` outputs from `start` on need."""
    radius = 2 * sigma
    covered = -(-size // _BLOCK) * _BLOCK
    return np.arange(start - radius, start + covered + radius)


def _blur(planes: NDArray[np.uint8], sigma: int) -> Pixels:
    """Blur planes of shape (3, height, width); returns shape (height, width, 3)."""
    _, height, width = planes.shape
    matrix = _toeplitz(sigma)
    run = matrix.shape[1]
    columns = reflect(_runs(width, 0, sigma), width)
    band_height = max(_BLOCK, _BAND_SAMPLES // (3 * width) // _BLOCK * _BLOCK)
    blurred = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, band_height):
        n_rows = min(band_height, height - top)
        rows = reflect(_runs(n_rows, top, sigma), height)
        band = np.take(planes, rows, axis=1).astype(np.float64)
        windows = sliding_window_view(band, run, axis=1)[:, ::_BLOCK].swapaxes(2, 3)
        vertical = np.matmul(matrix, windows).reshape(3, -1, width)[:, :n_rows]
        padded = np.take(vertical, columns, axis=2).reshape(3 * n_rows, -1)
        windows = sliding_window_view(padded, run, axis=1)[:, ::_BLOCK].swapaxes(0, 1)
        both = np.matmul(windows, matrix.T)
        both += 0.5
        samples = both.astype(np.uint8).reshape(-1, 3, n_rows, _BLOCK).transpose(2, 0, 3, 1)
        blurred[top : top + n_rows] = samples.reshape(n_rows, -1, 3)[:, :width]
    return blurred
