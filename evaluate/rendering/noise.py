"""Gaussian noise in tensors: the same integers as `imagenetq.distortions.noise`."""

from collections.abc import Sequence
from functools import lru_cache

import torch

from imagenetq.distortions.noise import quantiles
from imagenetq.errors import UsageError
from imagenetq.evaluate.moving import table_on
from imagenetq.evaluate.rendering.original import Original
from imagenetq.specification import Value


def noise(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Add Gaussian noise to every sample.

    Args:
        original: the image; its `field` must be set.
        sigmas: standard deviations in grey levels, whole numbers.
        out: uint8 of shape (len(sigmas), height, width, 3), which becomes
            `clip(x + ((sigma * z + 32768) >> 16), 0, 255)`.

    Raises:
        UsageError: the image has no field.
    """
    z = quantiles_on(original.pixels.device)[field_of(original).to(torch.int32)]
    samples = original.pixels.reshape(-1).to(torch.int32)
    for level, sigma in enumerate(sigmas):
        noisy = (samples + ((z * int(sigma) + 32768) >> 16)).clamp_(0, 255)
        out[level] = noisy.view(original.pixels.shape)


def field_of(original: Original) -> torch.Tensor:
    """The image's random field.

    Raises:
        UsageError: it has none.
    """
    if original.field is None:
        raise UsageError("noise is keyed by the image: give the original its noise_field")
    return original.field


@lru_cache
def quantiles_on(device: torch.device) -> torch.Tensor:
    """The specification's table of normal quantiles, int32 of shape (65536,)."""
    return table_on(quantiles(), device)
