"""Find which coding passes go into which quality layer, as OpenJPEG does."""

import sys
from collections.abc import Sequence

from imagenetq.torch.jpeg2000.reference.coding import CodedBlock
from imagenetq.torch.jpeg2000.tables import signal_to_noise

PEAK = 255
MOST_ROUNDS = 128
PRECISION = 0.5e-5
"""Relative difference of two thresholds at which the search ends."""


def passes_by_layer(blocks: Sequence[CodedBlock], n_pixels: int) -> list[list[int]]:
    """Find, for each layer, how many passes of each block it and the layers before it hold."""
    total = sum((block.gains[-1] for block in blocks if block.gains), 0.0)
    lowest, highest = _slopes(blocks)
    reached = 0.0
    taken = [0] * len(blocks)
    layers = []
    for ratio in signal_to_noise().tolist():
        target = total - 3.0 * PEAK * PEAK * n_pixels / ratio
        threshold = _threshold(blocks, taken, reached, target, lowest, highest)
        taken, gain = _take(blocks, taken, threshold)
        reached += gain
        layers.append(taken)
    return layers


def _slopes(blocks: Sequence[CodedBlock]) -> tuple[float, float]:
    """Find the smallest and the largest gain for each byte of single passes."""
    lowest, highest = sys.float_info.max, 0.0
    for block in blocks:
        before = 0, 0.0
        for rate, gain in zip(block.rates, block.gains, strict=True):
            if rate != before[0]:
                slope = (gain - before[1]) / (rate - before[0])
                lowest, highest = min(lowest, slope), max(highest, slope)
            before = rate, gain
    return lowest, highest


def _threshold(
    blocks: Sequence[CodedBlock],
    taken: Sequence[int],
    reached: float,
    target: float,
    low: float,
    high: float,
) -> float:
    """Halve the interval of slopes until the layer meets its target closely enough."""
    threshold = good = 0.0
    for _ in range(MOST_ROUNDS):
        middle = (low + high) / 2
        if abs(middle - threshold) <= PRECISION * threshold:
            break
        threshold = middle
        if reached + _take(blocks, taken, threshold)[1] < target:
            high = good = threshold
        else:
            low = threshold
    return _chosen(threshold, good)


def _chosen(last: float, good: float) -> float:
    """Choose the last threshold that fell short of the target, else the last that was tried."""
    return good or last


def _take(
    blocks: Sequence[CodedBlock], taken: Sequence[int], threshold: float
) -> tuple[list[int], float]:
    """Find how many passes of each block a layer of this slope ends with, and what it gains."""
    after, total = [], 0.0
    for block, before in zip(blocks, taken, strict=True):
        now = _last_pass(block, before, threshold)
        if now > before:
            total += block.gains[now - 1] - (block.gains[before - 1] if before else 0.0)
        after.append(now)
    return after, total


def _last_pass(block: CodedBlock, taken: int, threshold: float) -> int:
    """Find the last pass that is worth its bytes, each compared with the last one taken.

    OpenJPEG computes no convex hull.
    """
    for number in range(taken, len(block.rates)):
        rate = block.rates[number] - (block.rates[taken - 1] if taken else 0)
        gain = block.gains[number] - (block.gains[taken - 1] if taken else 0.0)
        if _is_worth(rate, gain, threshold):
            taken = number + 1
    return taken


def _is_worth(rate: int, gain: float, threshold: float) -> bool:
    if rate == 0:
        return gain != 0
    return threshold - gain / rate < sys.float_info.epsilon
