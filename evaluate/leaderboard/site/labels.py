"""Define what the site calls things, and how it writes numbers."""

import json
import re

from imagenetq.entry import Entry
from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site.board import Dataset, Kind, Standing
from imagenetq.evaluate.leaderboard.site.ranking import Rank
from imagenetq.evaluate.results import format as numbers
from imagenetq.evaluate.results.names import PARAMETERS, TITLES
from imagenetq.evaluate.results.standing import demonstration
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
    return f"ImageNet-Q {dataset.version}, {subset}, source {_short(dataset.source_digest)}"


def dataset_note(dataset: Dataset, kind: Kind) -> str:
    """Say what a reader of a section must know."""
    if kind == "ranked":
        return "An official source, computed in fp32. Ranks respect the 95 % intervals."
    if kind == "unranked":
        return "An official source, but something keeps these from a rank; each page says what."
    what = demonstration(dataset.source_digest, dataset.subset) or ""
    return f"{what[:1].upper()}{what[1:]}."


def percent(share: float) -> str:
    """Write a share in per cent, without the sign."""
    return numbers.percent(share).replace("-", MINUS)


def interval(estimate: Estimate | Proportion) -> str:
    """Write a 95 % interval in per cent; empty if there is none."""
    return numbers.interval(estimate.low, estimate.high, percent, DASH)


def parameters_words(count: int) -> str:
    """Write a number of parameters as people say it."""
    return numbers.parameters(count, "M")


def size_words(entry: Entry) -> str:
    """Write the input size, height by width; `varies` if it is not fixed."""
    return numbers.input_size(entry.model.input_size)


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
        *(scores.distortions[held.distortion].mean for held in LADDERS),
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
            "name": held.distortion,
            "title": TITLES[held.distortion],
            "parameter": held.parameter,
            "axis": PARAMETERS[held.distortion],
            "values": list(held.values),
        }
        for held in LADDERS
    ]


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "unknown"
