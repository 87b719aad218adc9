"""Lower the contrast by blending with a uniform grey (Haeberli & Voorhies 1994)."""

from collections.abc import Iterator, Sequence

import numpy as np

from imagenetq.distortions.base import Distorted, Undistorted, blocks
from imagenetq.specification import Value


def mean_luma(original: Undistorted) -> int:
    """Compute the mean of Pillow's integer luma (ITU-R 601), rounded half up; 0 to 255."""
    luma = np.asarray(original.image.convert("L"))
    total = int(luma.sum(dtype=np.int64))
    return (2 * total + luma.size) // (2 * luma.size)


def contrast(original: Undistorted, factors: Sequence[Value]) -> Iterator[Distorted]:
    """Blend the image with its mean luma, at factors in tenths: 1.0 keeps it, 0.0 is uniform grey.

    Samples are `(k * x + (10 - k) * grey + 5) // 10` with `k = 10 * factor`.
    """
    grey = mean_luma(original)
    samples = original.pixels.reshape(-1)
    for factor in factors:
        k = round(10 * factor)
        offset = np.uint16((10 - k) * grey + 5)
        blended = np.empty_like(samples)
        for block in blocks(samples.size):
            tenths = np.multiply(samples[block], k, dtype=np.uint16)  # At most 2555 in the end.
            tenths += offset
            np.floor_divide(tenths, np.uint16(10), out=blended[block], casting="unsafe")
        yield Distorted(blended.reshape(original.pixels.shape))
