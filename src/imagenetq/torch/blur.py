"""Blur tensors with a Gaussian: the same integers as `imagenetq.distortions.blur`.

They are computed in the same way, too. Weights are whole multiples of 2^-22, so that float64 holds
both passes exactly. A block of outputs is a small Toeplitz matrix times the samples that it needs.
"""

from collections.abc import Sequence

import numpy as np
import torch

from imagenetq.distortions.blur import gaussian_taps, reflect
from imagenetq.specification import Value
from imagenetq.torch.original import Original
from imagenetq.torch.transfer import kept_on_device, table_on

_UNIT = 2**22
_BLOCK = 32


def blur(original: Original, sigmas: Sequence[Value], out: torch.Tensor) -> None:
    """Convolve an image with Gaussians of whole sigmas, each in a window of 4 * sigma + 1 pixels.

    A sample becomes `(sum + 2^43) >> 44`, where the sum is over both passes.
    """
    for level, sigma in enumerate(sigmas):
        out[level] = _blur(original.pixels, int(sigma))


def _blur(pixels: torch.Tensor, sigma: int) -> torch.Tensor:
    height, width, _ = pixels.shape
    samples = pixels.to(torch.float64)
    vertical = _convolved(samples.reshape(height, -1), sigma).reshape(height, width, 3)
    sideways = vertical.transpose(0, 1).reshape(width, -1)
    both = _convolved(sideways, sigma).reshape(width, height, 3).transpose(0, 1)
    return both.add_(0.5).to(torch.uint8)


def _convolved(columns: torch.Tensor, sigma: int) -> torch.Tensor:
    """Convolve float64 samples along the first of two axes; the sums are exact."""
    size = len(columns)
    matrix = _toeplitz(sigma, columns.device)
    padded = columns.index_select(0, _runs(size, sigma, columns.device))
    windows = padded.unfold(0, matrix.shape[1], _BLOCK).transpose(1, 2)
    return torch.matmul(matrix, windows).reshape(-1, columns.shape[1])[:size]


@kept_on_device(128)
def _toeplitz(sigma: int, device: torch.device) -> torch.Tensor:
    """Make the matrix (block, block + 2 * radius) that turns a run of samples into outputs."""
    taps = gaussian_taps(sigma) / _UNIT
    matrix = np.zeros((_BLOCK, _BLOCK + len(taps) - 1))
    for row in range(_BLOCK):
        matrix[row, row : row + len(taps)] = taps
    return table_on(matrix, device)


@kept_on_device(1024)
def _runs(size: int, sigma: int, device: torch.device) -> torch.Tensor:
    """List the indices of the samples that whole blocks covering `size` outputs need."""
    radius = 2 * sigma
    covered = -(-size // _BLOCK) * _BLOCK
    return table_on(reflect(np.arange(-radius, covered + radius), size), device)
