"""Define what the site calls things, and how it writes numbers."""

import json
import re

from imagenetq.entry import Entry
from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site.board import Dataset, Kind, Standing
from imagenetq.evaluate.leaderboard.site.ranking import Rank
from imagenetq.evaluate.results import format as numbers
from imagenetq.evaluate.results.basis import demonstration
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, parameter_word
from imagenetq.specification import CLEAN, LADDERS

MINUS, DASH, TIMES = "\N{MINUS SIGN}", "\N{EN DASH}", numbers.TIMES

KINDS: dict[Kind, str] = {
    "ranked": "Ranked",
    "unranked": "Not ranked",
    "demonstration": "Demonstrations",
}
"""Headings of the table's sections."""


def dataset_words(dataset: Dataset) -> str:
    """Name a dataset as in a heading."""
    subset = f"subset {dataset.subset}" if dataset.subset else "no named subset"
    source = (dataset.source_digest or "unknown")[:12]
    return f"ImageNet-Q {dataset.version}, {subset}, source {source}"


def dataset_note(dataset: Dataset, kind: Kind) -> str:
    """Say what a reader of a section must know."""
    if kind == "ranked":
        return "An official source, computed in fp32. Ranks respect the 95 % intervals."
    if kind == "unranked":
        return "An official source, but something keeps these from a rank; each page says what."
    reason = demonstration(dataset.source_digest, dataset.subset) or ""
    return f"{reason[:1].upper()}{reason[1:]}."


def percent(share: float) -> str:
    """Write a share in per cent, without the sign."""
    return numbers.percent(share).replace("-", MINUS)


def interval(estimate: Estimate | Proportion) -> str:
    """Write a 95 % interval in per cent; empty if there is none."""
    return numbers.interval(estimate.low, estimate.high, percent, DASH)


def with_interval(number: Estimate | Proportion | None) -> str | None:
    """Write a share in per cent with its 95 % interval, as the page shows what is not None."""
    return None if number is None else numbers.with_interval(number, percent, to=DASH)


def source_of(entry: Entry) -> str:
    """Tell where a model comes from: what stands before the first slash of its name."""
    source, slash, _ = entry.model.name.partition("/")
    # It becomes an option of a list, so it must be a short word.
    return source if slash and re.fullmatch("[a-z]{1,20}", source) else "other"


def value_words(value: object) -> str:
    """Write a recorded setting as JSON, but text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def measured(entry: Entry) -> list[Estimate | Proportion | None]:
    """List what entries are compared by, in the order of `ranking.MEASURES`."""
    scores = entry.scores
    return [
        scores.score,
        scores.relative_score,
        scores.variants[CLEAN].top1 if CLEAN in scores.variants else None,
        *(scores.distortions[ladder.distortion].mean for ladder in LADDERS),
    ]


def standing_words(standing: Standing, rank: Rank | None) -> str:
    """Say which rank an entry has, or why it has none."""
    if rank is None:
        return f"Not ranked: {standing.unranked}."
    compared = {
        "paired": "by comparisons paired over the same photographs",
        "unpaired": "by unpaired comparisons",
        "mixed": "some comparisons are paired, others not",
    }
    return f"Rank {rank.rank} in {dataset_words(standing.dataset)}, {compared[rank.pairing]}."


def ladders() -> list[dict[str, object]]:
    """Describe the five distortions as the charts need them."""
    return [
        {
            "name": ladder.distortion,
            "title": TITLES[ladder.distortion],
            "parameter": parameter_word(ladder.parameter),
            "axis": PARAMETERS[ladder.distortion],
            "values": list(ladder.values),
        }
        for ladder in LADDERS
    ]
