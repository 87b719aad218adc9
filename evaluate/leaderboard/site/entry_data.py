"""Write what an entry's own page shows beyond the table: all that was recorded, as texts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from imagenetq.entry import Entry, EntryModel
from imagenetq.entry_scores import Crossing, Estimate, LabelScores, Proportion, SizeScores
from imagenetq.evaluate.leaderboard.site import labels as words
from imagenetq.evaluate.leaderboard.site.board import Board, Standing
from imagenetq.evaluate.leaderboard.site.columns import columns
from imagenetq.evaluate.leaderboard.site.packed_numbers import packed
from imagenetq.evaluate.leaderboard.site.ranking import Rank
from imagenetq.evaluate.leaderboard.site.reproduce_command import options, unsaid
from imagenetq.evaluate.results.names import TITLES
from imagenetq.specification import CLEAN, LADDERS, variants

_PER_MILLE = 1_000

Pairs = list[tuple[str, str]]
"""Names, and what is recorded under them."""


def records_data(board: Board, ranked: Mapping[str, Rank]) -> dict[str, Any]:
    """Write the records of all entries in table order, as columns."""
    return columns([record(s, ranked.get(s.name)) for s in board.ordered])


def record(standing: Standing, rank: Rank | None) -> dict[str, Any]:
    """Write one entry's record; a field is a list of pairs where its names are the entry's own."""
    entry, said = standing.entry, standing.submission
    names = [v.name for v in variants()]
    return {
        "standing": words.standing_words(standing, rank),
        "warnings": list(entry.warnings),
        "ranges": [None if one is None else words.interval(one) for one in words.measured(entry)],
        "falls": _falls(standing),
        "sizes": [_size(size) for size in entry.scores.sizes or ()],
        "confidence": packed(_mille(standing, name, "true_confidence") for name in names),
        "calibration": packed(_mille(standing, name, "calibration_error") for name in names),
        "other_labels": [_other_labels(held) for held in entry.other_labels],
        "options": options(entry),
        "unsaid": unsaid(entry),
        "clean_check": _clean_check(entry),
        "link": _address(said.link),
        "paper": _address(said.paper),
        "training_data": said.training_data,
        "notes": said.notes or "none",
        "weights": entry.model.weights_sha256 or "none",
        "network": _network(entry.model),
        "preprocessing": _pairs(entry.model.preprocessing),
        "arguments": _pairs(entry.model.arguments),
        "dataset": [
            ("version", entry.dataset_version),
            ("subset", entry.subset or "none"),
            ("photographs", f"{entry.n_images:,}"),
            ("specification digest", entry.specification_digest),
            ("source digest", entry.source_digest or "unknown"),
        ],
        "predictions": entry.predictions_sha256,
        "commit": entry.code_commit or "unknown",
        "software": [("imagenetq", entry.code_version), *_pairs(entry.versions)],
        "hardware": _pairs(entry.hardware),
    }


def web_link(address: str | None) -> str | None:
    """Give an address that may become a link; None if it is not of the web."""
    if address is None:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.netloc else None


def _clean_check(entry: Entry) -> str:
    check = entry.clean_check
    return "not recorded" if check is None else check.words()


def _address(address: str | None) -> dict[str, Any]:
    return {"text": address or "none", "is_link": web_link(address) is not None}


def _pairs(held: Mapping[str, object]) -> Pairs:
    return [(name, words.value_words(value)) for name, value in held.items()]


def _network(model: EntryModel) -> Pairs:
    """List what newer entries record of a network."""
    recorded = {
        "tensors SHA-256": model.tensors_sha256,
        "weights key": model.weights_key,
        "outputs": model.outputs,
    }
    if model.zero_shot is not None:
        recorded["prompts SHA-256"] = model.zero_shot.prompts_sha256
        recorded["class embeddings SHA-256"] = model.zero_shot.embeddings_sha256
    return [(name, words) for name, words in recorded.items() if words is not None]


def _falls(standing: Standing) -> list[list[float | str]]:
    """Tell for each distortion where accuracy falls to 90 % and 50 % of clean: value or words."""
    held = standing.entry.scores.distortions
    return [
        [_fall(held[name].falls_to_90), _fall(held[name].falls_to_50)]
        for name in (ladder.distortion for ladder in LADDERS)
    ]


def _fall(crossing: Crossing | None) -> float | str:
    if crossing is None:
        return "unknown"
    return crossing.place if crossing.value is None else float(f"{crossing.value:.3g}")


def _size(size: SizeScores) -> list[Any]:
    shares = [None if one is None else words.percent(one.value) for one in (size.clean, size.score)]
    return [f"{size.smallest}{words.DASH}{size.largest}", f"{size.n_images:,}", *shares]


def _other_labels(held: LabelScores) -> dict[str, Any]:
    """Set accuracies by other labels beside those by the data's own, over the same photographs."""
    clean = (held.own.variants.get(CLEAN), held.other.variants.get(CLEAN))
    rows = [
        ("Clean top-1", *clean),
        ("Mean of the five", held.own.mean, held.other.mean),
        *(
            (
                f"{TITLES[ladder.distortion]}, mean",
                held.own.distortions[ladder.distortion],
                held.other.distortions[ladder.distortion],
            )
            for ladder in LADDERS
        ),
    ]
    return {
        "name": held.name,
        "sha256": held.sha256,
        "images": f"{held.n_images:,}",
        "unlabelled": f"{held.n_unlabelled:,}",
        "rows": [[title, _with_range(own), _with_range(other)] for title, own, other in rows],
    }


def _with_range(one: Estimate | Proportion | None) -> str | None:
    if one is None:
        return None
    held = words.interval(one)
    return f"{words.percent(one.value)} ({held})" if held else words.percent(one.value)


def _mille(standing: Standing, name: str, field: str) -> int:
    """Give one more than the thousandths, so that 0 can say that there is nothing."""
    held = standing.entry.scores.variants.get(name)
    if held is None:
        return 0
    value = getattr(held, field)
    return 1 + round(_PER_MILLE * (value.value if isinstance(value, Estimate) else value))
