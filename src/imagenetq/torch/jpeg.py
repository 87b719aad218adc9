"""Compress tensors as JPEG and decompress them: the pixels that libjpeg-turbo's decoder gives.

Entropy coding loses nothing, so it is left out. What is left is colour conversion, 4:2:0
downsampling, the integer transform and quantisation, and all of it back. Every step is the
library's own integer arithmetic. Sums of products are computed in float64, which holds them
exactly.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import pad

from imagenetq.specification import Value
from imagenetq.torch.jpeg_tables import quantisation_on, transform
from imagenetq.torch.original import Original
from imagenetq.torch.transfer import kept_on_device, table_on

_NARROW = 4
"""Width in pixels up to which the library repeats chroma samples, and interpolates none."""


def jpeg(original: Original, qualities: Sequence[Value], out: torch.Tensor) -> None:
    """Compress at qualities from 1 to 100 and decompress: baseline, 4:2:0, integer transform."""
    height, width, _ = original.pixels.shape
    luma, chroma = _planes(original.pixels)
    tables = quantisation_on(tuple(map(int, qualities)), luma.device)
    lumas = _coded(luma[None], tables[:, 0])[:, 0, :height, :width]
    half = _coded(chroma, tables[:, 1])[:, :, : (height + 1) // 2, : (width + 1) // 2]
    chromas = _upsampled(half, width)[:, :, :height, :width]
    _to_rgb(lumas, chromas, out)


@kept_on_device(128)
def _matrix(device: torch.device) -> torch.Tensor:
    return table_on(transform().astype(np.float64), device)


def _planes(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Split RGB into luma, (h, w), and halved chroma, (2, h, w), both padded to whole blocks."""
    height, width, _ = pixels.shape
    red, green, blue = pixels.to(torch.int32).unbind(2)
    luma = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    centre = (128 << 16) + 32767
    chroma = torch.stack(
        [
            (-11059 * red - 21709 * green + 32768 * blue + centre) >> 16,
            (32768 * red - 27439 * green - 5329 * blue + centre) >> 16,
        ]
    )
    luma = _replicated(luma[None], -height % 8, -width % 8)[0]
    # The library repeats full-size chroma to the right, but the last halved row at the bottom.
    chroma = _replicated(chroma, height % 2, -width % 16)
    bias = torch.arange(chroma.shape[2] // 2, device=pixels.device, dtype=torch.int32) % 2 + 1
    quads = chroma.reshape(2, chroma.shape[1] // 2, 2, -1, 2)
    halved = (quads.sum(dim=(2, 4), dtype=torch.int32) + bias) >> 2
    return luma, _replicated(halved, -halved.shape[1] % 8, 0)


def _replicated(planes: torch.Tensor, below: int, right: int) -> torch.Tensor:
    if not below and not right:
        return planes
    # torch cannot replicate integers on every device.
    return pad(planes.to(torch.float32), (0, right, 0, below), mode="replicate").to(torch.int32)


def _coded(planes: torch.Tensor, tables: torch.Tensor) -> torch.Tensor:
    """Transform and quantise, and undo both, at every quality.

    Planes are int32 of shape (n, h, w), in whole blocks, tables of shape (qualities, 8, 8). The
    result is int32 of shape (qualities, n, h, w), 0 to 255.
    """
    n, height, width = planes.shape
    matrix = _matrix(planes.device)
    blocks = planes.reshape(n, height // 8, 8, width // 8, 8).transpose(2, 3) - 128
    rows = _shifted(blocks.to(torch.float64) @ matrix.T, 11)
    frequencies = _shifted(matrix @ rows, 15).to(torch.int32)
    q = tables[:, None, None, None]
    quantised = frequencies.sign() * ((frequencies.abs() + 4 * q) // (8 * q)) * q
    columns = _shifted(matrix.T @ quantised.to(torch.float64), 11)
    samples = (_shifted(columns @ matrix, 18) + 128).clamp_(0, 255).to(torch.int32)
    return samples.transpose(3, 4).reshape(len(tables), n, height, width)


def _shifted(sums: torch.Tensor, bits: int) -> torch.Tensor:
    """Compute `(sums + half) >> bits` of whole numbers in float64, in place."""
    return sums.add_(2 ** (bits - 1)).mul_(2.0**-bits).floor_()


def _upsampled(halved: torch.Tensor, width: int) -> torch.Tensor:
    """Bring chroma to full size, the "fancy" way: 3/4 of the nearest sample, 1/4 of the next."""
    if width <= _NARROW:
        return halved.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    above, below = _neighbours(halved, 2)
    tall = torch.stack([3 * halved + above, 3 * halved + below], dim=3).flatten(2, 3)
    left, right = _neighbours(tall, 3)
    wide = torch.stack([(3 * tall + left + 8) >> 4, (3 * tall + right + 7) >> 4], dim=4)
    return wide.flatten(3, 4)


def _neighbours(planes: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give each sample's neighbours before and after it; at an edge, the sample itself."""
    size = planes.shape[dim]
    first, last = planes.narrow(dim, 0, 1), planes.narrow(dim, size - 1, 1)
    before = torch.cat([first, planes.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([planes.narrow(dim, 1, size - 1), last], dim)
    return before, after


def _to_rgb(luma: torch.Tensor, chroma: torch.Tensor, out: torch.Tensor) -> None:
    """Convert int32 of shapes (q, h, w) and (q, 2, h, w) to uint8 of shape (q, h, w, 3)."""
    cb, cr = (chroma - 128).unbind(1)
    out[..., 0] = (luma + ((91881 * cr + 32768) >> 16)).clamp_(0, 255)
    out[..., 1] = (luma + ((-22554 * cb - 46802 * cr + 32768) >> 16)).clamp_(0, 255)
    out[..., 2] = (luma + ((116130 * cb + 32768) >> 16)).clamp_(0, 255)
