"""Compare what an entry says with what its predictions give, number by number."""

from collections.abc import Iterator
from typing import Any

from imagenetq.entry import ENTRY_NAME, Entry
from imagenetq.errors import LabelsError
from imagenetq.evaluate.leaderboard.checks.findings import Finding, fail, warn
from imagenetq.evaluate.results.labels import Labels
from imagenetq.evaluate.results.result import count
from imagenetq.evaluate.results.scores import compute_scores
from imagenetq.predictions import Predictions

_SHOWN = 5


def contradictions(entry: Entry, predictions: Predictions) -> list[Finding]:
    """List the entry's numbers that its predictions do not give: a few, and how many more."""
    recomputed = {
        "n_images": predictions.n_images,
        "variants": {
            name: counts.model_dump(mode="json") for name, counts in count(predictions).items()
        },
        "scores": compute_scores(predictions).model_dump(mode="json"),
    }
    stated = entry.model_dump(mode="json", include=set(recomputed))
    differences = list(_differences(stated, recomputed, ""))
    findings = [fail(f"{ENTRY_NAME}: {difference}") for difference in differences[:_SHOWN]]
    if len(differences) > _SHOWN:
        findings.append(
            fail(f"{ENTRY_NAME}: and {len(differences) - _SHOWN} more numbers are wrong")
        )
    return findings


def other_label_findings(
    entry: Entry, predictions: Predictions, labels: Labels | None
) -> Iterator[Finding]:
    """Recompute accuracies by other labels from the predictions, if those labels are at hand."""
    for held in entry.other_labels:
        if labels is None or labels.sha256 != held.sha256:
            yield warn(
                f"its accuracies by {held.name} were not recomputed; give --labels FILE with the "
                f"SHA-256 {held.sha256[:12]}"
            )
            continue
        try:
            scores = labels.of(predictions).scores()
        except LabelsError as error:
            yield fail(f"{ENTRY_NAME}: other_labels: {error}")
            continue
        if scores.model_copy(update={"name": held.name}) != held:
            yield fail(
                f"{ENTRY_NAME}: the accuracies by {held.name} are not what the predictions give; "
                "score it again with --labels and --write"
            )


def _differences(stated: Any, given: Any, place: str) -> Iterator[str]:
    """List what differs between two values of JSON, in their order."""
    if isinstance(stated, dict) and isinstance(given, dict):
        for key in dict.fromkeys([*stated, *given]):
            yield from _differences(stated.get(key), given.get(key), f"{place}.{key}")
    elif isinstance(stated, list) and isinstance(given, list) and len(stated) == len(given):
        for i, (one, other) in enumerate(zip(stated, given, strict=True)):
            yield from _differences(one, other, f"{place}.{i}")
    elif stated != given:
        yield f"{place[1:]} is {_said(stated)}, but the predictions give {_said(given)}"


def _said(value: Any) -> str:
    if value is None:
        return "absent"
    return "something" if isinstance(value, dict | list) else str(value)
