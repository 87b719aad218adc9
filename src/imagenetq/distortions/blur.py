"""Blur by a Gaussian exactly, with integer weights and one rounding at the end.

The weights are whole multiples of 2^-22, so after both passes every sample is a whole multiple of
2^-44. With the halves that are added on the way it is a multiple of 2^-45, below 2^8. These are 53
bits, which a float64 holds exactly, in whatever order it is summed and with or without fused
multiply-add. That allows the quickest summation at hand, a matrix product: a block of output rows
is a small Toeplitz matrix times the rows that it needs.

A float32 is twice as quick, and wrong by little. The weights, and samples less 127.5, are exact in
it. The n = 4 * sigma + 1 products and sums of each pass are rounded, each by at most u = 2^-24 of
its value. Since the weights are positive and sum to one, a pass is wrong by at most n * u * 127.5
whatever the order, except for terms of n^2 * u^2, and both passes by less than n / 2^16. The
addition that rounds a sample is wrong by at most half of 2^-16. So if rounding the sample less
(n + 1) / 2^16 and rounding it plus that give the same, this is the exact sample. The others, one or
two of a thousand in a photograph, are computed again in float64.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from imagenetq.distortions.base import Distorted, Pixels, Undistorted
from imagenetq.specification import Value

_UNIT = 2**22
# Outputs that a matrix product computes at once, down and across. They were chosen by measuring:
# enough to keep it busy, few enough to waste little on the zeros in the Toeplitz matrix's corners.
_ROWS = 8
_COLUMNS = 16
# Samples in a band of rows that is blurred at once: few enough for the cache, and for a large
# photograph to need no gigabytes of floats.
_BAND_SAMPLES = 3 << 16


@cache
def gaussian_taps(sigma: int) -> NDArray[np.int64]:
    """Compute a kernel's weights, which sum to 2^22, as int64 of shape (4 * sigma + 1,).

    They are symmetric, with the rounding's remainder in the centre; `sigma` is in pixels.
    """
    radius = 2 * sigma
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    taps: NDArray[np.int64] = np.rint(weights / weights.sum() * _UNIT).astype(np.int64)
    taps[radius] += _UNIT - taps.sum()
    return taps


def reflect(indices: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Fold indices outside 0 to size - 1 back inside.

    The border is a mirror that does not repeat the edge sample. It folds as often as a small image
    needs.
    """
    period = max(2 * (size - 1), 1)
    folded = np.abs(indices) % period
    return np.minimum(folded, period - folded) if size > 1 else np.zeros_like(indices)


def blur(original: Undistorted, sigmas: Sequence[Value]) -> Iterator[Distorted]:
    """Convolve with a Gaussian in a window of 4 * sigma + 1 pixels a side, sigma being whole.

    Samples are `(sum + 2^43) >> 44` over both passes.
    """
    height, width, _ = original.pixels.shape
    border = 2 * int(max(sigmas))
    rows = reflect(_padded(height, _ROWS, border), height)
    columns = reflect(_padded(width, _COLUMNS, border), width)
    planes = np.ascontiguousarray(original.pixels.transpose(2, 0, 1))
    planes = planes.take(rows, axis=1).take(columns, axis=2)
    for sigma in sigmas:
        inset = border - 2 * int(sigma)
        needed = planes[:, inset : len(rows) - inset, inset : len(columns) - inset]
        yield Distorted(_blur(needed, int(sigma), height, width))


def _padded(size: int, block: int, border: int) -> NDArray[np.int64]:
    """List the indices of the samples that whole blocks covering `size` outputs need."""
    return np.arange(-border, -(-size // block) * block + border)


@cache
def _toeplitz(sigma: int, block: int) -> NDArray[np.float64]:
    """Make the matrix, shape (block, block + 4 * sigma), that turns samples into outputs."""
    taps = gaussian_taps(sigma) / _UNIT
    matrix = np.zeros((block, block + len(taps) - 1))
    for row in range(block):
        matrix[row, row : row + len(taps)] = taps
    return matrix


def _blur(planes: NDArray[np.uint8], sigma: int, height: int, width: int) -> Pixels:
    """Blur planes of whole blocks and their border of 2 sigma; gives shape (height, width, 3)."""
    doubt = (4 * sigma + 2) / 2**16
    band_height = max(_ROWS, _BAND_SAMPLES // (3 * width) // _ROWS * _ROWS)
    blurred = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, band_height):
        n_rows = min(band_height, height - top)
        band = planes[:, top : top + -(-n_rows // _ROWS) * _ROWS + 4 * sigma]
        sums = _convolve(band, sigma, np.float32)[:, :n_rows, :width]
        samples = (sums + (128 - doubt)).astype(np.uint8)
        doubtful = samples != (sums + (128 + doubt)).astype(np.uint8)
        # The cost of a sample alone grows with the window; its cost in a product hardly does.
        if np.count_nonzero(doubtful) * (4 * sigma + 1) ** 2 < 4 * samples.size:
            positions = np.unravel_index(np.flatnonzero(doubtful), samples.shape)
            samples[positions] = _alone(band, sigma, positions)
        else:
            sums = _convolve(band, sigma, np.float64)[:, :n_rows, :width]
            samples = (sums + 128).astype(np.uint8)
        # A channel at a time: numpy is slow at copying a whole image into another order.
        for channel, plane in enumerate(samples):
            blurred[top : top + n_rows, :, channel] = plane
    return blurred


def _convolve(
    planes: NDArray[np.uint8], sigma: int, dtype: type[np.float32] | type[np.float64]
) -> NDArray[np.floating]:
    """Do both passes over planes of whole blocks and their border; gives the samples less 127.5."""
    down = _toeplitz(sigma, _ROWS).astype(dtype)
    across = np.ascontiguousarray(_toeplitz(sigma, _COLUMNS).T, dtype)
    samples = np.subtract(planes, 127.5, dtype=dtype)
    runs = sliding_window_view(samples, down.shape[1], axis=1)[:, ::_ROWS].swapaxes(2, 3)
    n_rows = 3 * runs.shape[1] * _ROWS
    vertical = np.matmul(down, runs).reshape(n_rows, -1)
    runs = sliding_window_view(vertical, across.shape[0], axis=1)[:, ::_COLUMNS].swapaxes(0, 1)
    both = np.empty((n_rows, len(runs) * _COLUMNS), dtype)
    np.matmul(runs, across, out=both.reshape(n_rows, -1, _COLUMNS).swapaxes(0, 1))
    return both.reshape(3, n_rows // 3, -1)


def _alone(
    planes: NDArray[np.uint8], sigma: int, positions: tuple[NDArray[np.int64], ...]
) -> NDArray[np.uint8]:
    """Blur single samples, at (channel, row, column) of the outputs, each from its own window."""
    taps = gaussian_taps(sigma) / _UNIT
    n = len(taps)
    windows = sliding_window_view(planes, (n, n), axis=(1, 2))[positions]
    sums = (windows.reshape(-1, n) @ taps).reshape(-1, n) @ taps
    return (sums + 0.5).astype(np.uint8)
