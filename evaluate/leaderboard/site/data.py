"""What the pages' script needs, as scripts that assign it: from disk nothing else can be loaded.

Every text in them is from anyone. It is JSON with nothing in it that could end a script, and the
page's own script shows it as text only.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site.board import Board, Section, Standing
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, Rank, groups, paired_of
from imagenetq.evaluate.leaderboard.site.words import (
    KINDS,
    dataset_words,
    ladders,
    size_words,
    source_of,
)
from imagenetq.evaluate.report.paper import SOURCE, paper_curves
from imagenetq.evaluate.scores import UNDISTORTED
from imagenetq.specification import CLEAN, LADDERS, variants

_DIGITS = 5
_PER_MILLE = 1_000

STEPS = "".join(chr(code) for code in range(33, 127) if chr(code) not in "\"'\\<>&`")
"""One character for each step of a quantity; all are safe in a text of JSON in a script."""


def board_script(board: Board, ranked: dict[str, Rank]) -> str:
    """`board`: entries in table order, the ladders, and the paper's curves."""
    return _assign("board", board_data(board, ranked))


def pairs_script(board: Board) -> str:
    """`pairs`: how sure the differences of all pairs of entries over the same images are."""
    return _assign("pairs", pairs_data(board))


def board_data(board: Board, ranked: dict[str, Rank]) -> dict[str, Any]:
    """See `board_script`."""
    entries = []
    for number, section in enumerate(board.sections):
        dataset = board.datasets.index(section.dataset)
        for standing in section.standings:
            place = ranked.get(standing.name)
            facts = {
                "section": number,
                "dataset": dataset,
                "rank": None if place is None else place.rank,
            }
            entries.append(_entry(standing) | facts)
    return {
        "measures": list(MEASURES),
        "variants": [v.name for v in variants()],
        "ladders": ladders(),
        "undistorted": UNDISTORTED,
        "sections": [_section(section) for section in board.sections],
        "datasets": [dataset_words(dataset) for dataset in board.datasets],
        "entries": entries,
        "paper": {"source": SOURCE, "curves": _paper()},
    }


def pairs_data(board: Board) -> list[dict[str, Any]]:
    """For each group of entries over the same images, how much pairing narrows each error.

    Of the standard error of a difference, what is stored is its share of the unpaired error, the
    root of the sum of both squares: a character a pair, in equal steps from the group's least share
    to its greatest. Pairs are in the order (1, 0), (2, 0), (2, 1), (3, 0) ..
    """
    found = []
    for places in groups(board.ordered):
        paired = paired_of([board.ordered[place] for place in places])
        lower = np.tril_indices(len(places), -1)
        measures = {
            name: _steps(paired.errors[name][lower], _unpaired(paired.alone[name])[lower])
            for name in MEASURES
        }
        found.append({"entries": places, "measures": measures})
    return found


def _unpaired(alone: NDArray[np.float64]) -> NDArray[np.float64]:
    unpaired: NDArray[np.float64] = np.hypot.outer(alone, alone)
    return unpaired


def _steps(errors: NDArray[np.float64], unpaired: NDArray[np.float64]) -> dict[str, Any]:
    shares = np.divide(errors, unpaired, out=np.zeros_like(errors), where=unpaired > 0)
    # Without a relative score there is no difference that the error could be of.
    shares = np.nan_to_num(shares)
    least, most = float(shares.min()), float(shares.max())
    step = (most - least) / (len(STEPS) - 1)
    # The next higher step: an interval may be told a hair too wide, never too narrow.
    numbers = np.ceil((shares - least) / step - 1e-9) if step > 0 else np.zeros_like(shares)
    text = "".join(STEPS[number] for number in numbers.astype(int))
    return {"from": _tidy(least), "to": _tidy(most), "steps": text}


def _section(section: Section) -> dict[str, Any]:
    return {"kind": section.kind, "title": KINDS[section.kind]}


def _entry(standing: Standing) -> dict[str, Any]:
    entry, scores = standing.entry, standing.entry.scores
    held: list[Estimate | Proportion | None] = [
        scores.score,
        scores.relative_score,
        scores.variants[CLEAN].top1 if CLEAN in scores.variants else None,
        *(scores.distortions[ladder.distortion].mean for ladder in LADDERS),
    ]
    names = [v.name for v in variants()]
    return {
        "name": standing.name,
        "title": standing.submission.name,
        "model": entry.model.name,
        "source": source_of(entry),
        "size": size_words(entry),
        "parameters": entry.model.parameters,
        "images": entry.n_images,
        "precision": entry.precision,
        "resize": entry.versions.get("Pillow", "").partition(".")[0],
        "values": [None if one is None else _tidy(one.value) for one in held],
        "errors": [_error(one, entry.n_images) for one in held],
        "top1": [_count(standing, name, "correct_top1") for name in names],
        "top5": [_count(standing, name, "correct_top5") for name in names],
        "confidence": [_mille(standing, name, "true_confidence") for name in names],
        "calibration": [_mille(standing, name, "calibration_error") for name in names],
    }


def _error(one: Estimate | Proportion | None, n_images: int) -> float | None:
    """The standard error of what is shown."""
    if one is None or n_images < 2:
        return None
    if isinstance(one, Estimate):
        return None if one.standard_error is None else _tidy(one.standard_error)
    return _tidy(float(np.sqrt(one.value * (1 - one.value) / (n_images - 1))))


def _count(standing: Standing, name: str, field: str) -> int | None:
    counts = standing.entry.variants.get(name)
    return None if counts is None else getattr(counts, field)


def _mille(standing: Standing, name: str, field: str) -> int | None:
    held = standing.entry.scores.variants.get(name)
    if held is None:
        return None
    value = getattr(held, field)
    return round(_PER_MILLE * (value.value if isinstance(value, Estimate) else value))


def _paper() -> list[dict[str, Any]]:
    return [
        {
            "network": curve.network,
            "distortion": curve.distortion,
            "metric": curve.metric,
            "values": list(curve.values),
            "accuracy": list(curve.accuracy),
        }
        for curve in paper_curves()
    ]


def _tidy(value: float) -> float:
    return round(value, _DIGITS) + 0.0


def _assign(name: str, value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return f"window.imagenetq_{name}={_harmless(text)};\n"


def _harmless(text: str) -> str:
    """JSON that cannot end a script, or be taken for markup, wherever it is put."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
