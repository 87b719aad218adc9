"""Tell which entries differ by more than chance: paired errors of all pairs at once, and ranks.

`comparison.compare` does the same for one pair from whole predictions, and a test compares both.
Here hundreds of entries are compared with one another, so the sums over photographs are products
of matrices of small whole numbers, which are exact in float64 in any order.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imagenetq.evaluate.leaderboard.site.board import Board, Standing
from imagenetq.evaluate.results.scores import scored_levels
from imagenetq.evaluate.results.statistics import Z
from imagenetq.specification import LADDERS

MEASURES = ("score", "relative", "clean", *(ladder.distortion for ladder in LADDERS))
"""What entries are compared by; their errors have this order everywhere."""

Pairing = Literal["paired", "unpaired", "mixed"]


@dataclass(frozen=True, eq=False)
class Paired:
    """The errors of all differences between entries over the same photographs."""

    errors: dict[str, NDArray[np.float64]]
    """Standard errors of the differences, 0 to 1, for each of `MEASURES`: float64 of shape (k, k),
    symmetric. NaN where a relative score does not exist."""

    alone: dict[str, NDArray[np.float64]]
    """Standard errors of the entries themselves, for each of `MEASURES`: float64 of shape (k,)."""


@dataclass(frozen=True)
class Rank:
    """A place among entries of the same dataset."""

    rank: int
    """Rank from 1: one more than the number of entries that are significantly better."""

    pairing: Pairing
    """Whether the comparisons were paired over the same photographs."""


def paired_errors(counts: NDArray[np.int8]) -> Paired:
    """Compute the errors of all differences of k entries, from their stacked `Hits.counts`."""
    n_levels = [len(scored_levels(ladder.distortion)) for ladder in LADDERS]
    common = math.lcm(*n_levels)
    weights = np.array([common // n for n in n_levels])
    columns = {
        "score": counts[:, :, 1:].astype(np.int64) @ weights,
        "clean": counts[:, :, 0],
        **{ladder.distortion: counts[:, :, 1 + i] for i, ladder in enumerate(LADDERS)},
    }
    units = dict(zip(columns, (common * len(n_levels), 1, *n_levels), strict=True))
    values = {name: column.astype(np.float64) for name, column in columns.items()}
    covariances = {name: _covariance(v, v) / units[name] ** 2 for name, v in values.items()}
    across = _covariance(values["score"], values["clean"]) / units["score"]
    covariances["relative"] = _relative(
        covariances["score"],
        across,
        covariances["clean"],
        values["score"].mean(axis=1) / units["score"],
        values["clean"].mean(axis=1),
    )
    n = counts.shape[1]
    return Paired(
        errors={name: _of_differences(covariances[name], n) for name in MEASURES},
        alone={name: np.sqrt(np.diag(covariances[name]) / n) for name in MEASURES},
    )


def ranks(board: Board) -> dict[str, Rank]:
    """Compute the ranks of the board's ranked entries, by their names."""
    return {
        standing.name: rank
        for section in board.sections
        if section.kind == "ranked"
        for standing, rank in zip(section.standings, _ranks(section.standings), strict=True)
    }


def groups(standings: Sequence[Standing]) -> list[list[int]]:
    """Group standings whose hits can be paired, as indices, two or more in each group."""
    together: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, standing in enumerate(standings):
        hits = standing.hits
        # A single photograph gives no error.
        if hits is not None and hits.counts is not None and hits.n_images > 1:
            together[*standing.dataset, hits.photographs].append(index)
    return [indices for indices in together.values() if len(indices) > 1]


def paired_of(standings: Sequence[Standing]) -> Paired:
    """Compute the errors of standings that are one of `groups`."""
    hits = [standing.hits for standing in standings if standing.hits is not None]
    return paired_errors(np.stack([one.counts for one in hits if one.counts is not None]))


def _ranks(standings: Sequence[Standing]) -> list[Rank]:
    scores, alone = np.array([_score(standing) for standing in standings]).T
    errors = np.hypot.outer(alone, alone)
    is_paired = np.eye(len(standings), dtype=bool)
    for indices in groups(standings):
        square = np.ix_(indices, indices)
        errors[square] = paired_of([standings[index] for index in indices]).errors["score"]
        is_paired[square] = True
    better = (scores[None, :] - scores[:, None]) > Z * errors
    return [
        Rank(1 + int(row.sum()), _pairing(pairs))
        for row, pairs in zip(better, is_paired, strict=True)
    ]


def _score(standing: Standing) -> tuple[float, float]:
    score = standing.entry.scores.score
    if score is None:
        return math.nan, math.nan
    # A single photograph gives no error, so nothing is ever significant.
    return score.value, math.inf if score.standard_error is None else score.standard_error


def _pairing(pairs: NDArray[np.bool_]) -> Pairing:
    if pairs.all():
        return "paired"
    return "unpaired" if pairs.sum() == 1 else "mixed"


def _covariance(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute covariances over photographs of all pairs of rows: float64 of shape (k, k)."""
    n = one.shape[1]
    # Whole numbers: at 10,000 photographs all of these stay below 2**53, and so are exact.
    products = n * (one @ other.T) - np.outer(one.sum(axis=1), other.sum(axis=1))
    covariance: NDArray[np.float64] = products / (n * (n - 1))
    return covariance


def _relative(
    scores: NDArray[np.float64],
    across: NDArray[np.float64],
    cleans: NDArray[np.float64],
    score: NDArray[np.float64],
    clean: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute covariances of relative scores by the delta method: of (s - R c) / C a photograph."""
    share = np.divide(score, clean, out=np.full_like(score, np.nan), where=clean > 0)
    above = (
        scores
        - across * share[None, :]
        - across.T * share[:, None]
        + cleans * np.outer(share, share)
    )
    below = np.outer(clean, clean)
    shares: NDArray[np.float64] = np.divide(
        above, below, out=np.full_like(above, np.nan), where=below > 0
    )
    return shares


def _of_differences(covariance: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    alone = np.diag(covariance)
    variance = alone[:, None] + alone[None, :] - 2 * covariance
    # Of equal entries rounding may leave a variance just below 0.
    errors: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0) / n)
    return errors
