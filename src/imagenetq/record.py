"""One row of the dataset: a variant of an image, with everything that is known of it."""

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
    """One image of one variant, as the dataset stores it, less the image's bytes."""

    label: int
    """0 to 999, the class's place among the sorted wnids."""

    wnid: str
    """The class's WordNet id."""

    image_id: str
    """The original's file stem, the same in every copy of ImageNet."""

    rank: int
    """The original's place in its class, from 0."""

    distortion: str
    """Its name, or `clean`."""

    level: int
    """From 1 (mildest); 0 for clean."""

    parameter: str | None
    """The name of the distortion's parameter; None for clean."""

    value: float | None
    """The parameter's value; None for clean."""

    width: int
    """In pixels."""

    height: int
    """In pixels."""

    n_bytes: int
    """Of the stored image file."""

    sse: int
    """Sum of squared errors against the clean image over all samples."""

    psnr: float | None
    """Peak signal-to-noise ratio from `sse`, dB; None where identical."""

    pixel_sha256: str
    """Hex SHA-256 of the decoded RGB rows."""

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
        """The row of a rendered variant.

        Args:
            variant: which one.
            image_id: the original's id.
            wnid: its class.
            rank: its place in the class.
            pixels: the variant's samples, shape (height, width, 3).
            clean: the original's samples, same shape.
            n_bytes: size of the stored image file.
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
    """The schema of the parquet files, as `datasets` reads it back."""
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
    """Hex SHA-256 of the RGB samples, row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def sum_of_squared_errors(a: Pixels, b: Pixels) -> int:
    """Exact sum of squared sample differences of two images of one shape."""
    a, b = a.reshape(-1), b.reshape(-1)
    total = 0
    for block in blocks(a.size):
        squares = np.subtract(a[block], b[block], dtype=np.int16)
        np.multiply(squares, squares, out=squares)
        # At most 255^2, which overflows a signed sample of 16 bits, but not an unsigned one; and
        # the sum of a block's fits into 32 bits.
        total += int(squares.view(np.uint16).sum(dtype=np.uint32))
    return total


def is_uniform(pixels: Pixels) -> bool:
    """Whether all of an image is of one colour, as an empty JPEG 2000 layer leaves it."""
    samples = pixels.reshape(-1)
    row = samples[: pixels[0].size]
    # Every sample is the one a pixel before; nearly every image is told by its first row.
    return bool((row[3:] == row[:-3]).all() and (samples[3:] == samples[:-3]).all())


def psnr(sse: int, n_samples: int) -> float | None:
    """Peak signal-to-noise ratio in dB, to four decimals; None if `sse` is 0.

    Rounded, so that a last digit of one machine's logarithm cannot change a shard's bytes.
    """
    return round(10 * math.log10(255**2 * n_samples / sse), 4) if sse else None
