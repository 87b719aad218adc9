"""Compute along one axis which samples count in Pillow's resampling, and how much.

Weights are computed in double precision in Pillow's own order of operations, then rounded to
fixed-point units of 2^-22, as Pillow does for 8-bit images.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

UNIT_BITS = 22
SUPPORTS = {"bilinear": 1.0, "bicubic": 2.0}
"""The filters that models use, and how many samples each reaches to either side when enlarging."""


@dataclass(frozen=True, eq=False)
class Axis:
    """A run of outputs along one axis, each a weighted sum of consecutive samples."""

    first: NDArray[np.int32]
    """int32 of shape (n,): the first sample of each output. Even with all taps, no output reads
    beyond the last sample."""

    weights: NDArray[np.int32]
    """int32 of shape (n, taps), in units of 2^-22; zeros where an output needs fewer taps."""


@lru_cache(maxsize=1024)
def axis(n_in: int, n_out: int, interpolation: str, start: int, stop: int) -> Axis:
    """Compute the weights for outputs `start` to `stop` of resampling `n_in` samples to `n_out`.

    Args:
        n_in: number of samples.
        n_out: number of outputs, if all were wanted.
        interpolation: one of `SUPPORTS`.
        start: the first output wanted.
        stop: the one after the last.
    """
    scale = n_in / n_out
    stretch = max(scale, 1.0)
    support = SUPPORTS[interpolation] * stretch
    centres = (np.arange(start, stop) + 0.5) * scale
    # Pillow's casts cut towards zero, which the limits make the same as rounding down.
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + support + 0.5).astype(np.int64), n_in)
    taps = int((last - first).max())
    samples = first[:, None] + np.arange(taps)
    distances = np.abs((samples - centres[:, None] + 0.5) * (1.0 / stretch))
    weights = np.where(samples < last[:, None], _kernel(interpolation, distances), 0.0)
    # Summed one by one from the left, as Pillow does: another order would round differently.
    sums = np.cumsum(weights, axis=1)[:, -1:]
    units = weights / np.where(sums == 0, 1.0, sums) * 2**UNIT_BITS
    rounded = (units + np.copysign(0.5, units)).astype(np.int32)
    return _inside(first, rounded, n_in)


def _kernel(interpolation: str, t: NDArray[np.float64]) -> NDArray[np.float64]:
    if interpolation == "bilinear":
        return np.where(t < 1, 1 - t, 0.0)
    near = (1.5 * t - 2.5) * t * t + 1
    far = (((t - 5) * t + 8) * t - 4) * -0.5
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def _inside(first: NDArray[np.int64], weights: NDArray[np.int32], n_in: int) -> Axis:
    """Move back windows that would reach beyond the last sample, together with their weights."""
    taps = weights.shape[1]
    shifts = np.maximum(first + taps - n_in, 0)
    places = np.arange(taps) - shifts[:, None]
    moved = np.where(places >= 0, np.take_along_axis(weights, np.maximum(places, 0), 1), 0)
    return Axis((first - shifts).astype(np.int32), np.ascontiguousarray(moved, np.int32))
