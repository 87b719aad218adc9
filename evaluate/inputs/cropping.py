"""Compute what a preprocessing keeps of an image, and from which samples it is resampled."""

import re
from dataclasses import dataclass
from functools import lru_cache

import PIL

from imagenetq.evaluate.inputs.resampling_weights import SUPPORTS, Axis, axis
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing


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
