"""Compress and decompress as JPEG at all qualities; the twin of `imagenetq.torch.jpeg`.

The first pass goes forward to frequencies, once for all qualities. The second quantises them and
transforms columns back, the third rows. The last makes full-size RGB. Between the passes, blocks
lie one after the other, eight rows of eight samples each: first luma's, then those of the two
chromas.
"""

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from imagenetq.torch.jpeg_tables import quantisation_on, transform
from imagenetq.torch.kernels.table import (
    column_of,
    height_of,
    image_row,
    out_of,
    source_of,
    table,
    value_of,
    width_of,
)
from imagenetq.torch.original import ImageTable, Originals, workspace
from imagenetq.torch.transfer import kept_on_device, table_on

_BLOCKS = 16
"""Number of blocks of 64 samples that a program transforms at once."""

_LANES = 256
"""Number of columns or rows of blocks that a program transforms back at once."""

_PIXELS = 512


def jpeg(originals: Originals, qualities: NDArray[np.float64], out: ImageTable) -> None:
    """Compress each image at each of its qualities, float64 of shape (n, n_levels)."""
    images, (n, n_levels) = originals.images, qualities.shape
    device = images.stacks[0].device
    n_luma = -(-images.widths // 8) * -(-images.heights // 8)
    n_chroma = -(-images.widths // 16) * -(-images.heights // 16)
    n_blocks = n_luma + 2 * n_chroma
    ends = np.cumsum(n_blocks)
    rows = table(originals, qualities.astype(np.int64), out, np.append(0, ends[:-1]))
    matrix, tables = _matrix(device), quantisation_on(tuple(range(1, 101)), device)
    n_samples = int(ends[-1]) * 64
    frequencies = workspace(n_samples, torch.int16, device)
    halfway = workspace(n_samples * n_levels, torch.int32, device)
    samples = workspace(n_samples * n_levels, torch.uint8, device)
    for most, planes in ((n_luma.max(), 1), (n_chroma.max(), 2)):
        _forward[triton.cdiv(int(most), _BLOCKS), planes, n](
            rows, matrix, frequencies, n_levels, CHROMA=planes == 2, BLOCKS=_BLOCKS
        )
    lanes = (triton.cdiv(int(n_blocks.max()) * 8, _LANES), n_levels, n)
    _columns_back[lanes](rows, frequencies, matrix, tables, halfway, n_levels, LANES=_LANES)
    _rows_back[lanes](rows, halfway, matrix, samples, n_levels, LANES=_LANES)
    most_pixels = int((images.heights * images.widths).max())
    _to_rgb[triton.cdiv(most_pixels, _PIXELS), n_levels, n](rows, samples, n_levels, PIXELS=_PIXELS)


@kept_on_device(128)
def _matrix(device: torch.device) -> torch.Tensor:
    return table_on(transform(), device)


@triton.jit
def _chroma_of(pixels, at, IS_RED):
    """Compute one chroma sample, Cb or Cr, of the pixel at an offset."""
    red = tl.load(pixels + at).to(tl.int32)
    green = tl.load(pixels + at + 1).to(tl.int32)
    blue = tl.load(pixels + at + 2).to(tl.int32)
    cb = -11059 * red - 21709 * green + 32768 * blue
    cr = 32768 * red - 27439 * green - 5329 * blue
    return (tl.where(IS_RED, cr, cb) + ((128 << 16) + 32767)) >> 16


@triton.jit
def _luma_blocks(row):
    """Count an image's blocks of luma."""
    return ((width_of(row) + 7) // 8) * ((height_of(row) + 7) // 8)


@triton.jit
def _chroma_blocks(row):
    """Count an image's blocks of each chroma."""
    return ((width_of(row) + 15) // 16) * ((height_of(row) + 15) // 16)


@triton.jit(do_not_specialize=["n_levels"])
def _forward(table, matrix, frequencies, n_levels, CHROMA: tl.constexpr, BLOCKS: tl.constexpr):
    image = image_row(table, tl.program_id(2), n_levels)
    height, width = height_of(image), width_of(image)
    pixels = source_of(image)
    first = column_of(image, 0)
    if CHROMA:
        n_columns = (width + 15) // 16
        n_blocks = _chroma_blocks(image)
        first += _luma_blocks(image) + tl.program_id(1) * n_blocks
    else:
        n_columns = (width + 7) // 8
        n_blocks = _luma_blocks(image)
    if tl.program_id(0) * BLOCKS < n_blocks:
        eight = tl.arange(0, 8)
        block = tl.program_id(0) * BLOCKS + tl.arange(0, BLOCKS)
        # Blocks past the last one compute something, but store nothing.
        row = (block // n_columns * 8)[:, None, None] + eight[None, :, None]
        column = (block % n_columns * 8)[:, None, None] + eight[None, None, :]
        if CHROMA:
            # The library repeats the last halved row at the bottom, but full-size chroma to the
            # right.
            row = tl.minimum(row, (height + 1) // 2 - 1)
            upper = tl.minimum(2 * row, height - 1).to(tl.int64) * width
            lower = tl.minimum(2 * row + 1, height - 1).to(tl.int64) * width
            left, right = tl.minimum(2 * column, width - 1), tl.minimum(2 * column + 1, width - 1)
            is_red = tl.program_id(1) == 1
            quad = _chroma_of(pixels, (upper + left) * 3, is_red)
            quad += _chroma_of(pixels, (upper + right) * 3, is_red)
            quad += _chroma_of(pixels, (lower + left) * 3, is_red)
            quad += _chroma_of(pixels, (lower + right) * 3, is_red)
            samples = ((quad + 1 + column % 2) >> 2) - 128
        else:
            at = tl.minimum(row, height - 1).to(tl.int64) * width + tl.minimum(column, width - 1)
            red = tl.load(pixels + at * 3).to(tl.int32)
            green = tl.load(pixels + at * 3 + 1).to(tl.int32)
            blue = tl.load(pixels + at * 3 + 2).to(tl.int32)
            samples = ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16) - 128
        m = tl.load(matrix + eight[:, None] * 8 + eight[None, :])
        across = tl.sum(samples[:, :, None, :] * m[None, None, :, :], axis=3)
        across = (across + (1 << 10)) >> 11
        down = tl.sum(across[:, None, :, :] * m[None, :, :, None], axis=2)
        down = (down + (1 << 14)) >> 15
        place = (first + block)[:, None, None] * 64
        place += eight[None, :, None] * 8 + eight[None, None, :]
        inside = (block < n_blocks)[:, None, None] & (place >= 0)
        tl.store(frequencies + place, down.to(tl.int16), mask=inside)


@triton.jit
def _product(x0, x1, x2, x3, x4, x5, x6, x7, entry, step):
    """Multiply eight samples by eight entries of the matrix, and sum up."""
    total = x0 * tl.load(entry) + x1 * tl.load(entry + step)
    total += x2 * tl.load(entry + 2 * step) + x3 * tl.load(entry + 3 * step)
    total += x4 * tl.load(entry + 4 * step) + x5 * tl.load(entry + 5 * step)
    return total + x6 * tl.load(entry + 6 * step) + x7 * tl.load(entry + 7 * step)


@triton.jit
def _step(frequencies, tables, at):
    """Quantise a frequency, and multiply it back."""
    x = tl.load(frequencies + at).to(tl.int32)
    q = tl.load(tables + at % 64)
    steps = (tl.abs(x) + 4 * q) // (8 * q) * q
    return tl.where(x < 0, -steps, steps)


@triton.jit(do_not_specialize=["n_levels"])
def _columns_back(table, frequencies, matrix, tables, halfway, n_levels, LANES: tl.constexpr):
    """Quantise, and transform each column of each block back."""
    image = image_row(table, tl.program_id(2), n_levels)
    n_luma = _luma_blocks(image)
    n_blocks = n_luma + 2 * _chroma_blocks(image)
    if tl.program_id(0) * LANES < n_blocks * 8:
        lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
        inside = lane < n_blocks * 8
        block = tl.minimum(lane // 8, n_blocks - 1).to(tl.int64)
        at = block * 64 + lane % 8
        first = column_of(image, 0)
        mine = frequencies + first * 64
        steps = tables + (value_of(image, tl.program_id(1)) - 1) * 128
        steps += tl.where(block >= n_luma, 64, 0)
        x0, x1 = _step(mine, steps, at), _step(mine, steps, at + 8)
        x2, x3 = _step(mine, steps, at + 16), _step(mine, steps, at + 24)
        x4, x5 = _step(mine, steps, at + 32), _step(mine, steps, at + 40)
        x6, x7 = _step(mine, steps, at + 48), _step(mine, steps, at + 56)
        level = halfway + (first * n_levels + tl.program_id(1).to(tl.int64) * n_blocks) * 64 + at
        for row in tl.static_range(8):
            total = _product(x0, x1, x2, x3, x4, x5, x6, x7, matrix + row, 8)
            tl.store(level + row * 8, (total + (1 << 10)) >> 11, mask=inside)


@triton.jit(do_not_specialize=["n_levels"])
def _rows_back(table, halfway, matrix, samples, n_levels, LANES: tl.constexpr):
    """Transform each row of each block back, to samples from 0 to 255."""
    image = image_row(table, tl.program_id(2), n_levels)
    n_blocks = _luma_blocks(image) + 2 * _chroma_blocks(image)
    if tl.program_id(0) * LANES < n_blocks * 8:
        lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
        inside = lane < n_blocks * 8
        at = (column_of(image, 0) * n_levels + tl.program_id(1).to(tl.int64) * n_blocks) * 64
        at += tl.minimum(lane, n_blocks * 8 - 1).to(tl.int64) * 8
        x0, x1 = tl.load(halfway + at), tl.load(halfway + at + 1)
        x2, x3 = tl.load(halfway + at + 2), tl.load(halfway + at + 3)
        x4, x5 = tl.load(halfway + at + 4), tl.load(halfway + at + 5)
        x6, x7 = tl.load(halfway + at + 6), tl.load(halfway + at + 7)
        for column in tl.static_range(8):
            total = _product(x0, x1, x2, x3, x4, x5, x6, x7, matrix + column, 8)
            sample = ((total + (1 << 17)) >> 18) + 128
            sample = tl.minimum(tl.maximum(sample, 0), 255)
            tl.store(samples + at + column, sample.to(tl.uint8), mask=inside)


@triton.jit
def _sample(plane, row, column, n_columns):
    """Load a sample of a plane whose blocks lie one after the other."""
    block = (row // 8).to(tl.int64) * n_columns + column // 8
    return tl.load(plane + block * 64 + row % 8 * 8 + column % 8).to(tl.int32)


@triton.jit
def _chroma_at(plane, row, column, height, width, n_columns):
    """Give chroma at a full-size place, less 128: 3/4 of the nearest sample, 1/4 of the next.

    Of images up to four pixels wide it is the nearest sample.
    """
    near_row, near_column = row // 2, column // 2
    next_row = tl.maximum(near_row + row % 2 * 2 - 1, 0)
    next_row = tl.minimum(next_row, (height + 1) // 2 - 1)
    next_column = tl.maximum(near_column + column % 2 * 2 - 1, 0)
    next_column = tl.minimum(next_column, (width + 1) // 2 - 1)
    # With itself as the next, the weighted sum gives the nearest sample.
    next_row = tl.where(width > 4, next_row, near_row)
    next_column = tl.where(width > 4, next_column, near_column)
    near = 3 * _sample(plane, near_row, near_column, n_columns)
    near += _sample(plane, next_row, near_column, n_columns)
    other = 3 * _sample(plane, near_row, next_column, n_columns)
    other += _sample(plane, next_row, next_column, n_columns)
    return ((3 * near + other + 8 - column % 2) >> 4) - 128


@triton.jit(do_not_specialize=["n_levels"])
def _to_rgb(table, samples, n_levels, PIXELS: tl.constexpr):
    image = image_row(table, tl.program_id(2), n_levels)
    height, width = height_of(image), width_of(image)
    n_pixels = height * width
    if tl.program_id(0) * PIXELS < n_pixels:
        at = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
        inside = at < n_pixels
        place = tl.minimum(at, n_pixels - 1)
        row, column = place // width, place % width
        level = tl.program_id(1).to(tl.int64)
        n_luma, n_chroma = _luma_blocks(image), _chroma_blocks(image)
        plane = samples + column_of(image, 0) * n_levels * 64
        plane += level * (n_luma + 2 * n_chroma) * 64
        luma = _sample(plane, row, column, (width + 7) // 8)
        plane += n_luma.to(tl.int64) * 64
        cb = _chroma_at(plane, row, column, height, width, (width + 15) // 16)
        plane += n_chroma.to(tl.int64) * 64
        cr = _chroma_at(plane, row, column, height, width, (width + 15) // 16)
        red = luma + ((91881 * cr + 32768) >> 16)
        green = luma + ((-22554 * cb - 46802 * cr + 32768) >> 16)
        blue = luma + ((116130 * cb + 32768) >> 16)
        to = out_of(image) + (level * n_pixels + at) * 3
        tl.store(to, tl.minimum(tl.maximum(red, 0), 255).to(tl.uint8), mask=inside)
        tl.store(to + 1, tl.minimum(tl.maximum(green, 0), 255).to(tl.uint8), mask=inside)
        tl.store(to + 2, tl.minimum(tl.maximum(blue, 0), 255).to(tl.uint8), mask=inside)
