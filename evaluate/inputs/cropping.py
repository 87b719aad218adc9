"""Compute what a preprocessing keeps of an image, and from which samples it is resampled.

Weights are computed in double precision in Pillow's own order of operations, then rounded to
fixed-point units of 2^-22, as Pillow does for 8-bit images.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import PIL
from numpy.typing import NDArray

from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing

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


@dataclass(frozen=True, eq=False)
class Crop:
    """The way in which an image of one size becomes a network's input."""

    height: int
    """Height of the input, in pixels."""

    width: int
    """Width of the input, in pixels."""

    top: int
    """Rows of padding above the image."""

    left: int
    """Columns of padding to the left of the image."""

    rows: Axis
    """Vertical resampling, to those rows of the input that the image fills."""

    columns: Axis
    """Horizontal resampling, to those columns of the input that the image fills."""

    rows_first: bool
    """Whether the vertical pass comes first; each pass rounds, so it matters."""

    fill: tuple[int, int, int]
    """Colour of the padding in RGB, 0 to 255."""

    @property
    def is_padded(self) -> bool:
        """Whether the image does not fill the whole input."""
        return (self.height, self.width) != (len(self.rows.first), len(self.columns.first))


def can_crop(preprocessing: AnyPreprocessing) -> bool:
    """Tell whether images can be preprocessed on a device just as Pillow does it."""
    return (
        type(preprocessing) is Preprocessing  # Not Caffe's, which resizes differently.
        and preprocessing.input_size is not None
        and (preprocessing.resize is None or preprocessing.interpolation in SUPPORTS)
    )


@lru_cache(maxsize=1024)
def crop_of(preprocessing: Preprocessing, width: int, height: int) -> Crop:
    """Compute the crop of an image of one size."""
    size = preprocessing.resized(width, height)
    wanted = preprocessing.crop or (size[1], size[0])
    left, top = preprocessing.corner_of(wanted, size)
    filter_name = preprocessing.interpolation if preprocessing.resize is not None else "bilinear"
    columns = axis(width, size[0], filter_name, max(left, 0), min(left + wanted[1], size[0]))
    rows = axis(height, size[1], filter_name, max(top, 0), min(top + wanted[0], size[1]))
    return Crop(
        height=wanted[0],
        width=wanted[1],
        top=max(-top, 0),
        left=max(-left, 0),
        rows=rows,
        columns=columns,
        rows_first=_rows_first((width, height), size),
        fill=preprocessing.fill,
    )


def _rows_first(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Tell whether the installed Pillow resizes vertically first; 12.2 and 13 changed that."""
    (width, height), (new_width, new_height) = before, after
    version = tuple(int(number) for number in re.findall(r"\d+", PIL.__version__)[:2])
    if version < (12, 2):
        return False
    if version < (13, 0):
        return height > 100 * width and new_height < height
    shrinks = height - new_height
    return shrinks > 0 and shrinks > 2 * (width - new_width)


@lru_cache(maxsize=1024)
def axis(n_in: int, n_out: int, interpolation: str, start: int, stop: int) -> Axis:
    """Compute the weights for outputs `start` to `stop` of resampling `n_in` samples to `n_out`."""
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
    # Windows that would reach beyond the last sample move back, together with their weights.
    shifts = np.maximum(first + taps - n_in, 0)
    taken = np.arange(taps) - shifts[:, None]
    moved = np.where(taken >= 0, np.take_along_axis(rounded, np.maximum(taken, 0), 1), 0)
    return Axis((first - shifts).astype(np.int32), np.ascontiguousarray(moved, np.int32))


def _kernel(interpolation: str, t: NDArray[np.float64]) -> NDArray[np.float64]:
    if interpolation == "bilinear":
        return np.where(t < 1, 1 - t, 0.0)
    near = (1.5 * t - 2.5) * t * t + 1
    far = (((t - 5) * t + 8) * t - 4) * -0.5
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))
