"""Define a row of the dataset: a variant of a photograph, with everything that is known of it."""

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagenetq import classes
from imagenetq.distortions import Pixels
from imagenetq.distortions.base import blocks
from imagenetq.specification import Variant

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True)
class Row:
    """One image as the dataset stores it, less the image's bytes."""

    label: int
    """Class as a number, 0 to 999: its place among the sorted wnids."""

    wnid: str
    """WordNet id of the class."""

    image_id: str
    """Id of the photograph: its file's stem, the same in every copy of ImageNet."""

    rank: int
    """Place of the photograph in its class, from 0."""

    distortion: str
    """Name of the distortion, or `clean`."""

    level: int
    """Level of the distortion, from 1 (mildest); 0 for clean."""

    parameter: str | None
    """Name of the distortion's parameter; None for clean."""

    value: float | None
    """Value of the distortion's parameter; None for clean."""

    width: int
    """Width of the image in pixels."""

    height: int
    """Height of the image in pixels."""

    n_bytes: int
    """Size of the stored image file in bytes."""

    sse: int
    """Sum of squared errors against the clean image over all samples."""

    psnr: float | None
    """Peak signal-to-noise ratio in dB, from `sse`; None if `sse` is 0."""

    pixel_sha256: str
    """Hex SHA-256 of the decoded RGB samples, row by row."""

    @classmethod
    def of(
        cls,
        variant: Variant,
        *,
        image_id: str,
        wnid: str,
        rank: int,
        pixels: Pixels,
        clean: Pixels,
        n_bytes: int,
    ) -> "Row":
        """Make the row of a rendered variant.

        The samples of the variant and of the photograph are uint8 of shape (height, width, 3).
        """
        sse = sum_of_squared_errors(pixels, clean)
        height, width, _ = pixels.shape
        return cls(
            label=classes.labels()[wnid],
            wnid=wnid,
            image_id=image_id,
            rank=rank,
            distortion=variant.distortion,
            level=variant.level,
            parameter=variant.parameter,
            value=None if variant.value is None else float(variant.value),
            width=width,
            height=height,
            n_bytes=n_bytes,
            sse=sse,
            psnr=psnr(sse, pixels.size),
            pixel_sha256=pixel_sha256(pixels),
        )


def features() -> "Features":
    """Define the schema of the parquet files, as `datasets` reads it back."""
    from datasets import ClassLabel, Features, Image, Value

    return Features(
        {
            "image": Image(mode="RGB"),
            "label": ClassLabel(names=list(classes.names())),
            "wnid": Value("string"),
            "image_id": Value("string"),
            "rank": Value("int32"),
            "distortion": Value("string"),
            "level": Value("int32"),
            "parameter": Value("string"),
            "value": Value("float64"),
            "width": Value("int32"),
            "height": Value("int32"),
            "n_bytes": Value("int64"),
            "sse": Value("int64"),
            "psnr": Value("float64"),
            "pixel_sha256": Value("string"),
        }
    )


def pixel_sha256(pixels: Pixels) -> str:
    """Compute the hex SHA-256 of the RGB samples, row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def sum_of_squared_errors(a: Pixels, b: Pixels) -> int:
    """Sum the squared sample differences of two images of one shape, exactly."""
    a, b = a.reshape(-1), b.reshape(-1)
    total = 0
    for block in blocks(a.size):
        squares = np.subtract(a[block], b[block], dtype=np.int16)
        np.multiply(squares, squares, out=squares)
        # A square is at most 255^2, which overflows 16 signed bits, but not 16 unsigned ones. The
        # sum over a block fits into 32 bits.
        total += int(squares.view(np.uint16).sum(dtype=np.uint32))
    return total


def is_uniform(pixels: Pixels) -> bool:
    """Tell whether all of an image is of one colour, as an empty JPEG 2000 layer leaves it."""
    samples = pixels.reshape(-1)
    row = samples[: pixels[0].size]
    # Each sample is compared with that of the pixel before. The first row decides nearly always.
    return bool((row[3:] == row[:-3]).all() and (samples[3:] == samples[:-3]).all())


def psnr(sse: int, n_samples: int) -> float | None:
    """Compute the peak signal-to-noise ratio in dB, to four decimals; None if `sse` is 0.

    It is rounded so that the last digit of a machine's logarithm cannot change a shard's bytes.
    """
    return round(10 * math.log10(255**2 * n_samples / sse), 4) if sse else None
