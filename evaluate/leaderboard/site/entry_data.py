"""Write what an entry's own page shows beyond the table: all that was recorded, as texts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from imagenetq.entry import EntryModel
from imagenetq.entry_scores import Crossing, Estimate, LabelScores, Proportion, SizeScores
from imagenetq.evaluate.leaderboard.site import labels as words
from imagenetq.evaluate.leaderboard.site.board import Standing
from imagenetq.evaluate.leaderboard.site.ranking import Rank
from imagenetq.evaluate.leaderboard.site.reproduce_command import options, unsaid
from imagenetq.evaluate.results.names import TITLES
from imagenetq.specification import CLEAN, variants

Pairs = list[tuple[str, str]]
"""Names, and what is recorded under them."""


def record(standing: Standing, rank: Rank | None) -> dict[str, Any]:
    """Write one entry's record; a field is a list of pairs where its names are the entry's own."""
    entry, submission = standing.entry, standing.submission
    scores = [entry.scores.variants.get(v.name) for v in variants()]
    distortions = [entry.scores.distortions[name] for name in TITLES]
    check = entry.clean_check
    return {
        "standing": words.standing_words(standing, rank),
        "warnings": list(entry.warnings),
        "ranges": [None if one is None else words.interval(one) for one in words.measured(entry)],
        "falls": [[_fall(one.falls_to_90), _fall(one.falls_to_50)] for one in distortions],
        "sizes": [_size(size) for size in entry.scores.sizes or ()],
        "confidence": [
            None if one is None else round(one.true_confidence.value, 3) for one in scores
        ],
        "calibration": [None if one is None else round(one.calibration_error, 3) for one in scores],
        "other_labels": [_other_labels(scores) for scores in entry.other_labels],
        "options": options(entry),
        "unsaid": list(unsaid(entry)),
        "clean_check": "not recorded" if check is None else check.words(),
        "link": _address(submission.link),
        "paper": _address(submission.paper),
        "training_data": submission.training_data,
        "notes": submission.notes or "none",
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


def is_web_link(address: str) -> bool:
    """Tell whether an address is one of the web, and so may become a link."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc != ""


def _address(address: str | None) -> dict[str, Any]:
    return {"text": address or "none", "is_link": is_web_link(address or "")}


def _pairs(settings: Mapping[str, object]) -> Pairs:
    return [(name, words.value_words(value)) for name, value in settings.items()]


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


def _fall(crossing: Crossing | None) -> float | str:
    """Say at which value accuracy falls to a share of clean, or in words that it is unknown."""
    if crossing is None:
        return "unknown"
    return crossing.place if crossing.value is None else float(f"{crossing.value:.3g}")


def _size(size: SizeScores) -> list[str | None]:
    shares = [None if one is None else words.percent(one.value) for one in (size.clean, size.score)]
    return [f"{size.smallest}{words.DASH}{size.largest}", f"{size.n_images:,}", *shares]


def _other_labels(scores: LabelScores) -> dict[str, Any]:
    """Set accuracies by other labels beside those by the data's own, over the same photographs."""
    own, other = scores.own, scores.other
    rows: list[tuple[str, Estimate | Proportion | None, Estimate | Proportion | None]] = [
        ("Clean top-1", own.variants.get(CLEAN), other.variants.get(CLEAN)),
        ("Mean of the five", own.mean, other.mean),
    ]
    rows += [(f"{TITLES[n]}, mean", own.distortions[n], other.distortions[n]) for n in TITLES]
    return {
        "name": scores.name,
        "sha256": scores.sha256,
        "images": f"{scores.n_images:,}",
        "unlabelled": f"{scores.n_unlabelled:,}",
        "rows": [[title, *map(words.with_interval, values)] for title, *values in rows],
    }
