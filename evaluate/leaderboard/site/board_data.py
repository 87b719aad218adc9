"""Write the data of the pages as scripts that assign them: nothing else can be loaded from disk.

Every text in them may come from anyone. It is JSON, deflated and in base64, so nothing in it could
end a script; `inflated` in `static/numbers.js` undoes both, and the page shows texts as text only.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site import labels as words
from imagenetq.evaluate.leaderboard.site.board import COMPARED, Board, Hits, Standing
from imagenetq.evaluate.leaderboard.site.entry_data import record
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, Rank, groups, paired_of
from imagenetq.evaluate.results import format as numbers
from imagenetq.evaluate.results.paper_curves import SOURCE, paper_curves
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import variants

LEVELS = 50
"""Number of levels of a share of an error, which decides how large the data of all pairs are."""

_DECIMALS = 5
"""Decimals of scores and their errors, which are shown to a thousandth."""


def scripts(board: Board, ranked: Mapping[str, Rank]) -> dict[str, str]:
    """Write the data, by file name: for all pages, for comparisons, and for entries' pages."""
    records = [record(standing, ranked.get(standing.name)) for standing in board.ordered]
    return {
        "board.js": _script("board", board_data(board, ranked)),
        "pairs.js": _script("pairs", pairs_data(board)),
        "records.js": _script("records", records),
        **{
            f"answers/{standing.name}.js": _answers_script(standing.name, hits, hits.right)
            for standing in board.ordered
            if (hits := standing.hits) is not None and hits.right is not None
        },
    }


def board_data(board: Board, ranked: Mapping[str, Rank]) -> dict[str, Any]:
    """Give the entries in table order, with the ladders and the paper's curves."""
    return {
        "measures": list(MEASURES),
        "variants": [v.name for v in variants()],
        "compared": list(COMPARED),
        "ladders": words.ladders(),
        "undistorted": UNDISTORTED,
        "sections": [
            {"kind": section.kind, "title": words.KINDS[section.kind]} for section in board.sections
        ],
        "datasets": [words.dataset_words(dataset) for dataset in board.datasets],
        "entries": [
            _entry(standing)
            | {
                "section": number,
                "dataset": board.datasets.index(section.dataset),
                "rank": ranked[standing.name].rank if standing.name in ranked else None,
            }
            for number, section in enumerate(board.sections)
            for standing in section.standings
        ],
        "paper": {"source": SOURCE, "curves": [asdict(curve) for curve in paper_curves()]},
    }


def pairs_data(board: Board) -> dict[str, Any]:
    """Tell how much pairing narrows each error, in each group of entries of the same photographs.

    What is stored of a difference's standard error is its share of the unpaired error, which is the
    root of the sum of both squares: in steps of 1 / `LEVELS`, rounded up, since an interval may be
    a little too wide, but never too narrow. Pairs are in the order (1, 0), (2, 0), (2, 1), (3, 0)
    and so on.
    """
    stored = []
    for indices in groups(board.ordered):
        paired = paired_of([board.ordered[index] for index in indices])
        lower = np.tril_indices(len(indices), -1)
        steps = {}
        for name in MEASURES:
            errors = paired.errors[name][lower]
            unpaired = np.hypot.outer(paired.alone[name], paired.alone[name])[lower]
            shares = np.divide(errors, unpaired, out=np.zeros_like(errors), where=unpaired > 0)
            # Without a relative score there is no difference that the error could be of.
            shares = np.nan_to_num(shares)
            steps[name] = np.ceil(LEVELS * shares - 1e-6).astype(int).tolist()
        stored.append({"entries": indices, "steps": steps})
    return {"levels": LEVELS, "groups": stored}


def _entry(standing: Standing) -> dict[str, Any]:
    entry = standing.entry
    scores = words.measured(entry)
    counts = [entry.variants.get(v.name) for v in variants()]
    return {
        "name": standing.name,
        "title": standing.submission.name,
        "model": entry.model.name,
        "source": words.source_of(entry),
        "size": numbers.input_size(entry.model.input_size),
        "parameters": entry.model.parameters,
        "images": entry.n_images,
        "precision": entry.precision,
        "resize": entry.versions.get("Pillow", "").partition(".")[0],
        "answers": standing.hits is not None and standing.hits.right is not None,
        "values": [None if one is None else round(one.value, _DECIMALS) for one in scores],
        "errors": [_standard_error(one, entry.n_images) for one in scores],
        "top1": [None if one is None else one.correct_top1 for one in counts],
        "top5": [None if one is None else one.correct_top5 for one in counts],
    }


def _standard_error(one: Estimate | Proportion | None, n_images: int) -> float | None:
    """Compute the standard error of what is shown; None if there is none."""
    if one is None or n_images < 2:
        return None
    if isinstance(one, Proportion):
        return round(float(np.sqrt(one.value * (1 - one.value) / (n_images - 1))), _DECIMALS)
    return None if one.standard_error is None else round(one.standard_error, _DECIMALS)


def _answers_script(name: str, hits: Hits, right: NDArray[np.uint8]) -> str:
    """Write one entry's answers as bits; they are loaded only when it is compared with another."""
    bits = base64.b64encode(right.tobytes()).decode()
    text = json.dumps({"images": hits.photographs, "n": hits.n_images, "bits": bits})
    # The name is a folder's, and needs no escapes.
    return f'(window.imagenetq_answers??={{}})["{name}"]={text};\n'


def _script(name: str, value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f'window.imagenetq_{name}="{packed}";\n'
