"""Change the contrast of tensors: the same integers as `imagenetq.distortions.contrast`."""

from collections.abc import Sequence

import torch

from imagenetq.specification import Value
from imagenetq.torch.original import Original


def mean_luma(pixels: torch.Tensor) -> torch.Tensor:
    """Average Pillow's integer luma over an image, rounded half up; int32 without dimensions."""
    red, green, blue = pixels.to(torch.int32).unbind(2)
    luma = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
    total = luma.sum(dtype=torch.int64)
    return ((2 * total + luma.numel()) // (2 * luma.numel())).to(torch.int32)


def contrast(original: Original, factors: Sequence[Value], out: torch.Tensor) -> None:
    """Blend an image with its mean luma, at factors that are multiples of 0.1.

    A sample becomes `(k * x + (10 - k) * grey + 5) // 10`, where `k = 10 * factor`.
    """
    grey = mean_luma(original.pixels)
    samples = original.pixels.to(torch.int32)
    for level, factor in enumerate(factors):
        k = round(10 * factor)
        out[level] = (samples * k + (grey * (10 - k) + 5)) // 10
