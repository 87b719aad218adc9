"""Resize and crop as Pillow does, with one kernel for each pass; the twin of `inputs.resize`."""

import torch
import triton
import triton.language as tl

from imagenetq.evaluate.inputs.cropping import Axis, Crop
from imagenetq.evaluate.inputs.resize import on_device, padded, rows_needed

_BLOCK = 512


def cropped(pictures: torch.Tensor, crop: Crop) -> torch.Tensor:
    """Resize and crop images as `inputs.resize.cropped` does."""
    if crop.rows_first:
        filled = _columns(_rows(pictures, crop.rows, 0), crop.columns, 0, len(crop.rows.first))
    else:
        top, bottom = rows_needed(crop.rows)
        filled = _rows(_columns(pictures, crop.columns, top, bottom - top), crop.rows, top)
    return padded(filled, crop)


def _columns(pictures: torch.Tensor, along: Axis, top: int, n_rows: int) -> torch.Tensor:
    """Resample some rows of every image horizontally."""
    n, height, width, _ = pictures.shape
    first, weights = on_device(along, pictures.device)
    out = pictures.new_empty((n, n_rows, len(first), 3))
    start = pictures.view(-1)[top * width * 3 :]
    n_out = len(first) * 3
    sizes = n_rows, height * width * 3, width * 3, 3, n_out, weights.shape[1], 0
    grid = n * n_rows, triton.cdiv(n_out, _BLOCK)
    _resample[grid](start, first, weights, out, *sizes, BLOCK=_BLOCK)
    return out


def _rows(pictures: torch.Tensor, along: Axis, offset: int) -> torch.Tensor:
    """Resample images vertically; their first row is the `offset`th of the axis."""
    n, height, width, _ = pictures.shape
    first, weights = on_device(along, pictures.device)
    out = pictures.new_empty((n, len(first), width, 3))
    n_out = len(first) * width * 3
    sizes = 1, height * width * 3, 0, width * 3, n_out, weights.shape[1], offset
    _resample[n, triton.cdiv(n_out, _BLOCK)](pictures, first, weights, out, *sizes, BLOCK=_BLOCK)
    return out


_SIZES = ["n_lines", "picture_stride", "line_stride", "inner", "n_out", "n_taps", "offset"]


@triton.jit(do_not_specialize=_SIZES, do_not_specialize_on_alignment=["pictures"])
def _resample(
    pictures,
    first,
    weights,
    out,
    n_lines,
    picture_stride,
    line_stride,
    inner,
    n_out,
    n_taps,
    offset,
    BLOCK: tl.constexpr,
):
    """Compute outputs along one axis, `inner` apart in memory, for each line of each image."""
    line = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n_out
    output, rest = at // inner, at % inner
    start = tl.load(first + output, mask=inside, other=0) - offset
    base = pictures + line // n_lines * picture_stride + line % n_lines * line_stride
    base += start.to(tl.int64) * inner + rest
    total = tl.full((BLOCK,), 1 << 21, tl.int32)
    for tap in range(n_taps):
        samples = tl.load(base, mask=inside, other=0).to(tl.int32)
        total += samples * tl.load(weights + output * n_taps + tap, mask=inside, other=0)
        base += inner
    resampled = tl.minimum(tl.maximum(total >> 22, 0), 255)
    tl.store(out + line * n_out + at, resampled.to(tl.uint8), mask=inside)
