"""Write how sure the differences of all pairs of entries are, in two thirds of a character each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenetq.evaluate.leaderboard.site.board import Board
from imagenetq.evaluate.leaderboard.site.packed_numbers import packed
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, groups, paired_of

LEVELS = 20
"""Number of levels to which a share is rounded; with 20, three shares make one packed number."""

_DIGITS = 5


def pairs_data(board: Board) -> dict[str, Any]:
    """Tell how much pairing narrows each error, in each group of entries of the same photographs.

    What is stored of a difference's standard error is its share of the unpaired error, which is the
    root of the sum of both squares. Shares are in equal steps from the group's least to its
    greatest. Pairs are in the order (1, 0), (2, 0), (2, 1), (3, 0) and so on, and three are packed
    as one number: `a + 20 b + 400 c`.
    """
    found = []
    for places in groups(board.ordered):
        paired = paired_of([board.ordered[place] for place in places])
        lower = np.tril_indices(len(places), -1)
        measures = {
            name: _packed(paired.errors[name][lower], _unpaired(paired.alone[name])[lower])
            for name in MEASURES
        }
        found.append({"entries": places, "measures": measures})
    return {"levels": LEVELS, "groups": found}


def _unpaired(alone: NDArray[np.float64]) -> NDArray[np.float64]:
    unpaired: NDArray[np.float64] = np.hypot.outer(alone, alone)
    return unpaired


def _packed(errors: NDArray[np.float64], unpaired: NDArray[np.float64]) -> dict[str, Any]:
    shares = np.divide(errors, unpaired, out=np.zeros_like(errors), where=unpaired > 0)
    # Without a relative score there is no difference that the error could be of.
    shares = np.nan_to_num(shares)
    least, most = float(shares.min()), float(shares.max())
    step = (most - least) / (LEVELS - 1)
    # Rounded up, since an interval may be a little too wide, but never too narrow.
    levels = np.ceil((shares - least) / step - 1e-9) if step > 0 else np.zeros_like(shares)
    return {"from": round(least, _DIGITS), "to": round(most, _DIGITS), "steps": _text(levels)}


def _text(levels: NDArray[np.float64]) -> str:
    threes = np.zeros((-(-len(levels) // 3), 3), dtype=np.int64)
    threes.reshape(-1)[: len(levels)] = levels
    return packed((threes @ LEVELS ** np.arange(3)).tolist())
