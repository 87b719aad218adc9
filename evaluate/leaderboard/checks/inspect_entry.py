"""Read an entry's predictions, and say all that follows from them."""

from dataclasses import dataclass
from pathlib import Path

from imagenetq.entry import Entry
from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.checks import rules
from imagenetq.evaluate.leaderboard.checks.anomalies import fingerprint, suspicions
from imagenetq.evaluate.leaderboard.checks.findings import Finding, fail
from imagenetq.evaluate.leaderboard.checks.recompute import contradictions, other_label_findings
from imagenetq.evaluate.results.labels import Labels
from imagenetq.evaluate.results.registered_sources import KnownSource, registered_source
from imagenetq.predictions import PREDICTIONS_NAME, read_predictions


@dataclass(frozen=True)
class Inspected:
    """What an inspection found of an entry."""

    findings: tuple[Finding, ...]
    """Findings, in the order of the checks."""

    fingerprint: str | None
    """Digest of the answers; None if they could not be read."""


def inspect(
    entry: Entry,
    predictions: Path,
    source: KnownSource | None = None,
    labels: Labels | None = None,
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
