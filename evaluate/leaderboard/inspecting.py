"""Read an entry's predictions, and say all that follows from them."""

from dataclasses import dataclass
from pathlib import Path

from imagenetq.entry import ENTRY_NAME, Entry
from imagenetq.errors import EntryError, PredictionsError
from imagenetq.evaluate.leaderboard.conditions import (
    entry_conditions,
    label_conditions,
    source_conditions,
    subset_conditions,
)
from imagenetq.evaluate.leaderboard.findings import Finding, fail
from imagenetq.evaluate.leaderboard.recomputing import contradictions
from imagenetq.evaluate.leaderboard.registered import KnownSource, registered_source
from imagenetq.evaluate.leaderboard.suspicion import fingerprint, suspicions
from imagenetq.files import sha256_of
from imagenetq.predictions import PREDICTIONS_NAME, Predictions, read_predictions
from imagenetq.specification import SUBSETS, variants

MAX_PREDICTIONS_BYTES = 64 * 2**20
"""A larger file is not read; those of the full subset have about 16 MB."""

_FULL_IMAGES = 1_000 * (SUBSETS["full"] or 0)


@dataclass(frozen=True)
class Inspected:
    """What was found of an entry.

    Attributes:
        findings: in the order of the checks.
        fingerprint: of the answers; None if they could not be read.
    """

    findings: tuple[Finding, ...]
    fingerprint: str | None


def inspect(entry: Entry, predictions: Path, source: KnownSource | None = None) -> Inspected:
    """Check an entry against its predictions, and both against what is known of the data.

    Args:
        entry: as handed in.
        predictions: the file, which is looked at before it is read.
        source: of a dataset at hand; used if it is the entry's.
    """
    found = [*entry_conditions(entry), *source_conditions(entry)]
    try:
        given = _read(entry, predictions)
    except EntryError as error:
        reason = str(error).replace(str(predictions), PREDICTIONS_NAME)
        return Inspected((*found, fail(reason)), None)
    found += contradictions(entry, given)
    found += subset_conditions(entry, given)
    for known, name in _sources(entry, source):
        found += label_conditions(known, name, given)
    found += suspicions(given)
    return Inspected(tuple(found), fingerprint(given))


def _read(entry: Entry, path: Path) -> Predictions:
    _require_small(path)
    sha256 = sha256_of(path)
    if sha256 != entry.predictions_sha256:
        raise PredictionsError(
            f"{path}: its SHA-256 is {sha256[:12]}, but {ENTRY_NAME} says "
            f"{entry.predictions_sha256[:12]}: not the predictions of this entry"
        )
    _require_few_rows(path)
    return read_predictions(path)


def _require_small(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be read ({error.strerror})") from None
    if size > MAX_PREDICTIONS_BYTES:
        raise PredictionsError(
            f"{path}: {size} bytes is too large; at most {MAX_PREDICTIONS_BYTES} are read"
        )


def _require_few_rows(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PredictionsError(f"{path}: cannot be read ({reason.splitlines()[0]})") from None
    most = _FULL_IMAGES * len(variants())
    if not 0 <= rows <= most:
        raise PredictionsError(f"{path}: {rows} rows, but the full subset has {most}")


def _sources(entry: Entry, source: KnownSource | None) -> list[tuple[KnownSource, str]]:
    registered = None if entry.source_digest is None else registered_source(entry.source_digest)
    known = [(registered, "the registered source"), (source, "the dataset")]
    return [
        (held, name)
        for held, name in known
        if held is not None and held.digest == entry.source_digest
    ]
