"""Check entries, which may come from anyone, as the maintainers do on a pull request."""

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from imagenetq.confined import Confined
from imagenetq.entry import Entry
from imagenetq.errors import EntryError, SourceError
from imagenetq.evaluate.leaderboard.checks.anomalies import clean_suspicion
from imagenetq.evaluate.leaderboard.checks.findings import Finding, Verdict, fail, warn
from imagenetq.evaluate.leaderboard.checks.inspect_entry import Inspected, inspect
from imagenetq.evaluate.leaderboard.entry.folder import EntryFolder, entry_paths, read_folder, shown
from imagenetq.evaluate.leaderboard.entry.hub_download import fetch_predictions
from imagenetq.evaluate.leaderboard.entry.submission import is_folder_name
from imagenetq.evaluate.results.labels import Labels
from imagenetq.evaluate.results.registered_sources import KnownSource
from imagenetq.predictions import PREDICTIONS_NAME
from imagenetq.progress import meter


def check(
    folder: Path,
    *,
    source: KnownSource | None = None,
    labels: Labels | None = None,
    fetched: Path | None = None,
) -> list[Verdict]:
    """Recompute every entry of a folder, or the one that it is, and say what is wrong or odd.

    Predictions are read in a separate process, with a limit on memory and time. Those on the Hub
    are fetched, and kept in `fetched` if that is given. A source and labels at hand serve the
    entries that name them. The verdicts are sorted by name.
    """
    paths = entry_paths(folder)
    findings: dict[str, list[Finding]] = {}
    same_answers: defaultdict[str, list[str]] = defaultdict(list)
    with (
        Confined() as confined,
        TemporaryDirectory() as temporary,
        meter("checking", len(paths), "entries") as progress,
    ):
        for path in paths:
            inspected = _inspect(path, source, labels, fetched or Path(temporary), confined)
            name = path.absolute().name
            name = name if is_folder_name(name) else shown(name)
            findings[name] = list(inspected.findings)
            if inspected.fingerprint is not None:
                same_answers[inspected.fingerprint].append(name)
            progress.advance(1)
    for names in same_answers.values():
        for name in names:
            others = ", ".join(other for other in names if other != name)
            if others:
                findings[name].append(
                    warn(f"gives the same answers as {others}: is it another model?")
                )
    return [Verdict.of(name, listed) for name, listed in findings.items()]


def check_result(
    entry: Entry, predictions: Path, *, source: KnownSource | None = None
) -> tuple[Finding, ...]:
    """Check a result that is no entry yet, as `check` does but for its folder and copies."""
    with Confined() as confined:
        inspected = confined.run(inspect, entry, predictions, source)
    return (*inspected.findings, *clean_suspicion(entry))


def predictions_of(folder: EntryFolder, fetched: Path) -> Path:
    """Find the predictions of an entry in its folder, or fetch them from the Hub."""
    on_hub = folder.submission.predictions
    if on_hub is None:
        return folder.path / PREDICTIONS_NAME
    return fetch_predictions(on_hub, folder.entry.predictions_sha256, fetched)


def _inspect(
    path: Path, source: KnownSource | None, labels: Labels | None, fetched: Path, confined: Confined
) -> Inspected:
    try:
        folder = read_folder(path)
        predictions = predictions_of(folder, fetched)
        inspected = confined.run(inspect, folder.entry, predictions, source, labels)
    # A FolderError, of a damaged registered source of ours, is no fault of the entry's.
    except (EntryError, SourceError) as error:
        return Inspected((fail(str(error).removeprefix(f"{path}/")),), None)
    findings = (*inspected.findings, *clean_suspicion(folder.entry))
    return Inspected(findings, inspected.fingerprint)
