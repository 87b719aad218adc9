"""Resize and crop as Pillow does, with one kernel for each pass; the twin of `inputs.resize`.

Each pass takes all images at once, whatever their sizes: a row of numbers for each stack of images
says where they lie and what becomes of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from imagenetq.evaluate.inputs.cropping import Crop
from imagenetq.evaluate.inputs.resize import background, on_device, rows_needed
from imagenetq.torch.original import stacks_in_one
from imagenetq.torch.transfer import table_on

_COLUMNS, _LINES = 256, 4
"""Samples that a program computes along a line, and lines that it takes in the horizontal pass."""


@dataclass(frozen=True)
class _Images:
    """Images of one size in memory, RGB."""

    address: int
    n: int
    height: int
    width: int
    row_samples: int
    """Samples from one row to the next."""

    image_samples: int
    """Samples from one image to the next."""

    @classmethod
    def of(cls, stack: torch.Tensor) -> "_Images":
        """Describe a stack, uint8 of shape (n, height, width, 3), contiguous."""
        n, height, width, _ = stack.shape
        return cls(stack.data_ptr(), n, height, width, width * 3, height * width * 3)

    def part(self, top: int, left: int, height: int, width: int) -> "_Images":
        """Describe a rectangle of each image."""
        address = self.address + top * self.row_samples + left * 3
        strides = self.row_samples, self.image_samples
        return _Images(address, self.n, height, width, *strides)


def cropped(stacks: Sequence[torch.Tensor], crops: Sequence[Crop]) -> torch.Tensor:
    """Resize and crop images as `inputs.resize.cropped` does."""
    device, crop = stacks[0].device, crops[0]
    counts = [len(stack) for stack in stacks]
    out = torch.empty((sum(counts), crop.height, crop.width, 3), dtype=torch.uint8, device=device)
    if any(one.is_padded for one in crops):
        out[:] = background(crop.fill, device)
    sources = [_Images.of(stack) for stack in stacks]
    goals = [
        _Images.of(part).part(one.top, one.left, len(one.rows.first), len(one.columns.first))
        for part, one in zip(torch.split(out, counts), crops, strict=True)
    ]
    needed = [rows_needed(one.rows) for one in crops]
    halfway = stacks_in_one(
        [
            (source.n, goal.height, source.width)
            if one.rows_first
            else (source.n, bottom - top, goal.width)
            for source, goal, one, (top, bottom) in zip(sources, goals, crops, needed, strict=True)
        ],
        device,
    )
    first_down: list[_Pass] = []
    across: list[_Pass] = []
    last_down: list[_Pass] = []
    for source, goal, one, between, (top, bottom) in zip(
        *(sources, goals, crops, map(_Images.of, halfway), needed), strict=True
    ):
        rows, columns = on_device(one.rows, device), on_device(one.columns, device)
        if one.rows_first:
            first_down.append(_Pass(source, between, *rows, 0))
            across.append(_Pass(between, goal, *columns, 0))
        else:
            part = source.part(top, 0, bottom - top, source.width)
            across.append(_Pass(part, between, *columns, 0))
            last_down.append(_Pass(between, goal, *rows, top))
    _run(_down, first_down, device)
    _run(_across, across, device, LINES=_LINES)
    _run(_down, last_down, device)
    return out


@dataclass(frozen=True)
class _Pass:
    """What becomes of a stack in one pass."""

    source: _Images
    out: _Images

    first: torch.Tensor
    """First sample of each output, as `on_device` gives it."""

    weights: torch.Tensor
    """Weights of each output, as `on_device` gives them."""

    offset: int
    """Sample of the axis at which the source begins."""

    def row(self) -> tuple[int, ...]:
        """Give the kernels' numbers."""
        return (
            *(self.source.address, self.source.image_samples, self.source.row_samples),
            *(self.out.address, self.out.image_samples, self.out.row_samples),
            *(self.out.n, self.out.height, self.out.width * 3),
            *(self.first.data_ptr(), self.weights.data_ptr(), self.weights.shape[1], self.offset),
        )


def _run(kernel: Any, passes: Sequence[_Pass], device: torch.device, **lines: int) -> None:
    """Start a kernel for all passes, if there are any; a program takes one line or `LINES`."""
    if not passes:
        return
    most_lines = max(one.out.n * one.out.height for one in passes)
    widest = max(one.out.width for one in passes) * 3
    table = table_on(np.array([one.row() for one in passes], np.int64), device)
    programs = triton.cdiv(most_lines, lines.get("LINES", 1)), triton.cdiv(widest, _COLUMNS)
    kernel[*programs, len(passes)](table, COLUMNS=_COLUMNS, **lines)


@triton.jit
def _down(table, COLUMNS: tl.constexpr):
    """Resample images vertically: one row of one image."""
    row = table + tl.program_id(2) * 13
    height, n_out = tl.load(row + 7).to(tl.int32), tl.load(row + 8).to(tl.int32)
    line, start = tl.program_id(0), tl.program_id(1) * COLUMNS
    if (line < tl.load(row + 6).to(tl.int32) * height) & (start < n_out):
        image, output = line // height, line % height
        at = start + tl.arange(0, COLUMNS)
        inside = at < n_out
        n_taps = tl.load(row + 11).to(tl.int32)
        first = tl.load(tl.load(row + 9).to(tl.pointer_type(tl.int32)) + output)
        weights = tl.load(row + 10).to(tl.pointer_type(tl.int32)) + output * n_taps
        stride = tl.load(row + 2)
        source = tl.load(row).to(tl.pointer_type(tl.uint8)) + image * tl.load(row + 1)
        source += (first - tl.load(row + 12)) * stride + at
        total = tl.full((COLUMNS,), 1 << 21, tl.int32)
        for tap in range(n_taps):
            samples = tl.load(source, mask=inside, other=0).to(tl.int32)
            total += samples * tl.load(weights + tap)
            source += stride
        resampled = tl.minimum(tl.maximum(total >> 22, 0), 255)
        out = tl.load(row + 3).to(tl.pointer_type(tl.uint8)) + image * tl.load(row + 4)
        tl.store(out + output * tl.load(row + 5) + at, resampled.to(tl.uint8), mask=inside)


@triton.jit
def _across(table, COLUMNS: tl.constexpr, LINES: tl.constexpr):
    """Resample images horizontally: some rows, which share the weights."""
    row = table + tl.program_id(2) * 13
    height, n_out = tl.load(row + 7).to(tl.int32), tl.load(row + 8).to(tl.int32)
    n_lines = tl.load(row + 6).to(tl.int32) * height
    start = tl.program_id(1) * COLUMNS
    if (tl.program_id(0) * LINES < n_lines) & (start < n_out):
        line = tl.program_id(0) * LINES + tl.arange(0, LINES)
        image, place = line // height, line % height
        at = start + tl.arange(0, COLUMNS)
        output = at // 3
        is_output = at < n_out
        n_taps = tl.load(row + 11).to(tl.int32)
        first = tl.load(row + 9).to(tl.pointer_type(tl.int32)) + output
        weights = tl.load(row + 10).to(tl.pointer_type(tl.int32)) + output * n_taps
        column = tl.load(first, mask=is_output, other=0) * 3 + at % 3
        inside = (line < n_lines)[:, None] & is_output[None, :]
        lines = image * tl.load(row + 1) + place * tl.load(row + 2)
        source = tl.load(row).to(tl.pointer_type(tl.uint8)) + (lines[:, None] + column[None, :])
        total = tl.full((LINES, COLUMNS), 1 << 21, tl.int32)
        for tap in range(n_taps):
            weight = tl.load(weights + tap, mask=is_output, other=0)
            samples = tl.load(source, mask=inside, other=0).to(tl.int32)
            total += samples * weight[None, :]
            source += 3
        resampled = tl.minimum(tl.maximum(total >> 22, 0), 255)
        goals = image * tl.load(row + 4) + place * tl.load(row + 5)
        out = tl.load(row + 3).to(tl.pointer_type(tl.uint8)) + (goals[:, None] + at[None, :])
        tl.store(out, resampled.to(tl.uint8), mask=inside)
