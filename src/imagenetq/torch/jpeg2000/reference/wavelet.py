"""Apply the reversible colour transform and the reversible 5/3 wavelet (annexes G and F)."""

import numpy as np
from numpy.typing import NDArray

from imagenetq.distortions import Pixels
from imagenetq.torch.jpeg2000.geometry import halved, n_levels

Planes = NDArray[np.int32]
"""Y, U and V, or their coefficients: int32 of shape (3, height, width)."""


def analyse(pixels: Pixels) -> Planes:
    """Transform RGB samples of shape (height, width, 3) to coefficients."""
    red, green, blue = np.moveaxis(pixels.astype(np.int32), 2, 0)
    planes = np.stack([((red + 2 * green + blue) >> 2) - 128, blue - green, red - green])
    _, height, width = planes.shape
    for level in range(n_levels(width, height)):
        band = planes[:, : halved(height, level), : halved(width, level)]
        # The low halves are rounded, so the order matters: columns first.
        band[:] = np.moveaxis(_forward(np.moveaxis(band, 1, 2)), 2, 1)
        band[:] = _forward(band)
    return planes


def synthesise(coefficients: Planes) -> Pixels:
    """Transform coefficients back to RGB samples of shape (height, width, 3)."""
    planes = coefficients.copy()
    _, height, width = planes.shape
    for level in reversed(range(n_levels(width, height))):
        band = planes[:, : halved(height, level), : halved(width, level)]
        band[:] = _inverse(band)
        band[:] = np.moveaxis(_inverse(np.moveaxis(band, 1, 2)), 2, 1)
    luma, first, second = planes
    green = luma - ((first + second) >> 2)
    rgb = np.stack([second + green, green, first + green], axis=2)
    pixels: Pixels = np.clip(rgb + 128, 0, 255).astype(np.uint8)
    return pixels


def _forward(lines: Planes) -> Planes:
    """Transform one level along the last axis; gives the low half, then the high half."""
    even, odd = lines[..., ::2], lines[..., 1::2]
    if not odd.shape[-1]:
        return lines
    high = odd - ((even[..., : odd.shape[-1]] + _next(even, odd.shape[-1])) >> 1)
    return np.concatenate([even + _update(high, even.shape[-1]), high], axis=-1)


def _inverse(lines: Planes) -> Planes:
    n_low = halved(lines.shape[-1], 1)
    low, high = lines[..., :n_low], lines[..., n_low:]
    if not high.shape[-1]:
        return lines
    merged = np.empty_like(lines)
    merged[..., ::2] = even = low - _update(high, n_low)
    merged[..., 1::2] = high + ((even[..., : high.shape[-1]] + _next(even, high.shape[-1])) >> 1)
    return merged


def _next(even: Planes, n: int) -> Planes:
    """Give the even sample after each of n odd ones; beyond the end, the last even one."""
    return even[..., np.minimum(np.arange(1, n + 1), even.shape[-1] - 1)]


def _update(high: Planes, n: int) -> Planes:
    """Compute what lifting adds to each of n even samples."""
    index = np.arange(n)
    before = high[..., np.maximum(index - 1, 0)]
    after = high[..., np.minimum(index, high.shape[-1] - 1)]
    return (before + after + 2) >> 2
