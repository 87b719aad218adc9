"""Write what a network's probabilities are worth as plain lines."""

import math
from collections.abc import Callable, Mapping

from imagenetq.evaluate.results.confidence import Bounds, ConfidenceScores
from imagenetq.evaluate.results.format import MISSING
from imagenetq.evaluate.results.names import ladder_range, level_names
from imagenetq.specification import CLEAN, LADDERS


def confidence_lines(scores: Mapping[str, ConfidenceScores]) -> list[str]:
    """Write three numbers of clean images and of each distortion, level by level.

    Where a number is only known to lie between bounds, the bounds are shown.
    """
    shown: dict[str, Callable[[ConfidenceScores], str]] = {
        "negative log likelihood": lambda held: bounds_words(held.negative_log_likelihood),
        "Brier score": lambda held: bounds_words(held.brier),
        "risk-coverage area": lambda held: f"{held.risk_area:.3f}",
    }
    lines = []
    for what, words in shown.items():
        clean = scores.get(CLEAN)
        lines.append(f"{what}, clean: {MISSING if clean is None else words(clean)}")
        for ladder in LADDERS:
            levels = [
                words(scores[name]) if name in scores else MISSING for name in level_names(ladder)
            ]
            lines.append(f"{what}, {ladder.distortion} {ladder_range(ladder)}: {' '.join(levels)}")
    return lines


def bounds_words(bounds: Bounds) -> str:
    """Write a number, or the bounds between which it lies, rounded outwards."""
    if bounds.low == bounds.high:
        return f"{bounds.low.value:.3f}"
    low = f"{math.floor(1000 * bounds.low.value) / 1000:.3f}"
    if bounds.high is None:
        return f">={low}"
    return f"{low}-{math.ceil(1000 * bounds.high.value) / 1000:.3f}"
