"""Add Gaussian noise to tensors: the same integers as `imagenetq.distortions.noise`."""

from collections.abc import Sequence

import torch

from imagenetq.distortions.noise import noise_field, quantiles
from imagenetq.specification import Value
from imagenetq.torch.original import Original
from imagenetq.torch.transfer import kept_on_device, table_on


def noise(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Add Gaussian noise to every sample, at sigmas that are whole numbers of grey levels.

    A sample becomes `clip(x + ((sigma * z + 32768) >> 16), 0, 255)`, where z is its normal deviate
    in units of 2^-16.
    """
    device = original.pixels.device
    # The host draws it: torch has no Philox4x64, and where speed matters there are kernels.
    field = table_on(noise_field(original.image_id, original.pixels.numel()), device)
    z = quantiles_on(device)[field.to(torch.int32)]
    samples = original.pixels.reshape(-1).to(torch.int32)
    for level, sigma in enumerate(sigmas):
        noisy = (samples + ((z * int(sigma) + 32768) >> 16)).clamp_(0, 255)
        out[level] = noisy.view(original.pixels.shape)


@kept_on_device(128)
def quantiles_on(device: torch.device) -> torch.Tensor:
    """Bring the specification's table of normal quantiles to a device; int32 of shape (65536,)."""
    return table_on(quantiles(), device)
