"""Compare what an entry says with what its predictions give, number by number."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagenetq.entry import ENTRY_NAME, Entry
from imagenetq.errors import EntryError, LabelsError
from imagenetq.evaluate.leaderboard.checks import rules
from imagenetq.evaluate.leaderboard.checks.anomalies import fingerprint, suspicions
from imagenetq.evaluate.leaderboard.checks.findings import Finding, fail, warn
from imagenetq.evaluate.results.labels import Labels
from imagenetq.evaluate.results.registered_sources import KnownSource, registered_source
from imagenetq.evaluate.results.result import count
from imagenetq.evaluate.results.scores import compute_scores
from imagenetq.predictions import PREDICTIONS_NAME, Predictions, read_predictions

_SHOWN = 5


@dataclass(frozen=True)
class Inspected:
    """What an inspection found of an entry."""

    findings: tuple[Finding, ...]
    """Findings, in the order of the checks."""

    fingerprint: str | None
    """Digest of the answers; None if they could not be read."""


def inspect(
    entry: Entry, predictions: Path, source: KnownSource | None = None, labels: Labels | None = None
) -> Inspected:
    """Check an entry against its predictions, and both against what is known of the data.

    A source and labels at hand are used if they are those that the entry names.
    """
    findings = [*rules.entry_conditions(entry), *rules.rank_conditions(entry)]
    try:
        given = read_predictions(predictions, entry.predictions_sha256)
    except EntryError as error:
        reason = str(error).replace(str(predictions), PREDICTIONS_NAME)
        return Inspected((*findings, fail(reason)), None)
    findings += contradictions(entry, given)
    findings += other_label_findings(entry, given, labels)
    findings += rules.subset_conditions(entry, given)
    registered = None if entry.source_digest is None else registered_source(entry.source_digest)
    for known, name in ((registered, "the registered source"), (source, "the dataset")):
        if known is not None and known.digest == entry.source_digest:
            findings += rules.label_conditions(known, name, given)
    findings += suspicions(given)
    return Inspected(tuple(findings), fingerprint(given))


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
    if more := differences[_SHOWN:]:
        findings.append(fail(f"{ENTRY_NAME}: and {len(more)} more numbers are wrong"))
    return findings


def other_label_findings(
    entry: Entry, predictions: Predictions, labels: Labels | None
) -> Iterator[Finding]:
    """Recompute accuracies by other labels from the predictions, if those labels are at hand."""
    for stated in entry.other_labels:
        if labels is None or labels.sha256 != stated.sha256:
            yield warn(
                f"its accuracies by {stated.name} were not recomputed; give --labels FILE with the "
                f"SHA-256 {stated.sha256[:12]}"
            )
            continue
        try:
            scores = labels.of(predictions).scores()
        except LabelsError as error:
            yield fail(f"{ENTRY_NAME}: other_labels: {error}")
            continue
        if scores.model_copy(update={"name": stated.name}) != stated:
            yield fail(
                f"{ENTRY_NAME}: the accuracies by {stated.name} are not what the predictions give; "
                "score it again with --labels and --write"
            )


def _differences(stated: Any, given: Any, path: str) -> Iterator[str]:
    """List what differs between two values of JSON, in their order."""
    if isinstance(stated, dict) and isinstance(given, dict):
        for key in dict.fromkeys([*stated, *given]):
            yield from _differences(stated.get(key), given.get(key), f"{path}.{key}")
    elif isinstance(stated, list) and isinstance(given, list) and len(stated) == len(given):
        for i, (one, other) in enumerate(zip(stated, given, strict=True)):
            yield from _differences(one, other, f"{path}.{i}")
    elif stated != given:
        yield f"{path[1:]} is {_shown(stated)}, but the predictions give {_shown(given)}"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    return "something" if isinstance(value, dict | list) else str(value)
