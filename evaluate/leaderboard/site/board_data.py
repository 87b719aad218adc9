"""Write the data of the pages as scripts that assign them: nothing else can be loaded from disk.

Every text in them may come from anyone. It is JSON with nothing in it that could end a script, and
the page's own script shows it as text only.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site.board import Board, Section, Standing
from imagenetq.evaluate.leaderboard.site.columns import columns
from imagenetq.evaluate.leaderboard.site.entry_data import records_data
from imagenetq.evaluate.leaderboard.site.hits import COMPARED, Answers
from imagenetq.evaluate.leaderboard.site.labels import (
    KINDS,
    dataset_words,
    ladders,
    measured,
    size_words,
    source_of,
)
from imagenetq.evaluate.leaderboard.site.packed_numbers import DIGITS
from imagenetq.evaluate.leaderboard.site.pairs import pairs_data
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, Rank
from imagenetq.evaluate.results.paper_curves import SOURCE, paper_curves
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import variants

_UNIT = 100_000
"""Scores and their errors are stored in whole hundred-thousandths, and shown to a thousandth."""


def scripts(board: Board, ranked: Mapping[str, Rank]) -> dict[str, str]:
    """Write the data, by file name: for all pages, for comparisons, and for entries' pages."""
    return {
        "board.js": _assign("board", board_data(board, ranked)),
        "pairs.js": _assign("pairs", pairs_data(board)),
        "records.js": _assign("records", records_data(board, ranked)),
        **{
            f"answers/{standing.name}.js": _answers_script(standing.name, standing.answers)
            for standing in board.ordered
            if has_answers(standing)
        },
    }


def has_answers(standing: Standing) -> bool:
    """Tell whether it is known, for all compared variants, which images an entry recognised."""
    return standing.answers is not None and standing.answers.right is not None


def _answers_script(name: str, answers: Answers | None) -> str:
    """Write one entry's answers as bits; they are loaded only when it is compared with another."""
    if answers is None or answers.right is None:
        raise ValueError(f"{name} has no answers")
    told = {
        "images": answers.images,
        "n": answers.n_images,
        "bits": base64.b64encode(answers.right.tobytes()).decode(),
    }
    return f"(window.imagenetq_answers??={{}})[{_json(name)}]={_json(told)};\n"


def board_data(board: Board, ranked: Mapping[str, Rank]) -> dict[str, Any]:
    """Give the entries in table order, as columns, with the ladders and the paper's curves."""
    entries = []
    for number, section in enumerate(board.sections):
        dataset = board.datasets.index(section.dataset)
        for standing in section.standings:
            place = ranked.get(standing.name)
            facts = {
                "answers": has_answers(standing),
                "section": number,
                "dataset": dataset,
                "rank": None if place is None else place.rank,
            }
            entries.append(_entry(standing) | facts)
    return {
        "measures": list(MEASURES),
        "variants": [v.name for v in variants()],
        "compared": list(COMPARED),
        "ladders": ladders(),
        "undistorted": UNDISTORTED,
        "sections": [_section(section) for section in board.sections],
        "datasets": [dataset_words(dataset) for dataset in board.datasets],
        "unit": _UNIT,
        "digits": DIGITS,
        "entries": columns(entries),
        "paper": {"source": SOURCE, "curves": _paper()},
    }


def _section(section: Section) -> dict[str, Any]:
    return {"kind": section.kind, "title": KINDS[section.kind]}


def _entry(standing: Standing) -> dict[str, Any]:
    entry = standing.entry
    held = measured(entry)
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
        "values": [None if one is None else _units(one.value) for one in held],
        "errors": [_error(one, entry.n_images) for one in held],
        "top1": [_count(standing, name, "correct_top1") for name in names],
        "top5": [_count(standing, name, "correct_top5") for name in names],
    }


def _error(one: Estimate | Proportion | None, n_images: int) -> int | None:
    """Compute the standard error of what is shown; None if there is none."""
    if one is None or n_images < 2:
        return None
    if isinstance(one, Estimate):
        return None if one.standard_error is None else _units(one.standard_error)
    return _units(float(np.sqrt(one.value * (1 - one.value) / (n_images - 1))))


def _count(standing: Standing, name: str, field: str) -> int | None:
    counts = standing.entry.variants.get(name)
    return None if counts is None else getattr(counts, field)


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


def _units(value: float) -> int:
    return round(_UNIT * value)


def _assign(name: str, value: Any) -> str:
    return f"window.imagenetq_{name}={_json(value)};\n"


def _json(value: Any) -> str:
    """Write JSON that cannot end a script, or be taken for markup, wherever it is put."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
