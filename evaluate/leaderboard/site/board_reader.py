"""Read a board from a folder of entries; whatever is wrong with one entry stops the whole."""

from pathlib import Path

from imagenetq.confined import Confined
from imagenetq.entry import Entry
from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.checks.inspect_entry import inspect
from imagenetq.evaluate.leaderboard.entry.folder import EntryFolder, entry_paths, read_folder
from imagenetq.evaluate.leaderboard.site.board import Board, Hits, Standing
from imagenetq.evaluate.results.basis import why_unranked
from imagenetq.evaluate.results.registered_sources import is_registered
from imagenetq.predictions import read_predictions
from imagenetq.progress import meter


def read_board(folder: Path, *, fetched: Path | None = None) -> Board:
    """Read and check all entries of a folder.

    `fetched` is where `leaderboard check` keeps predictions that it fetched from the Hub. An entry
    whose predictions are neither there nor in its folder is shown with the numbers that were
    checked when it was taken, and is compared unpaired.
    """
    # An empty board is a board, too, but a folder that is not there is a mistake to be reported.
    is_empty = folder.is_dir() and all(path.name[0] == "." for path in folder.iterdir())
    paths = [] if is_empty else entry_paths(folder)
    standings = []
    with Confined() as confined, meter("reading", len(paths), "entries") as progress:
        for path in paths:
            standings.append(_standing(read_folder(path), fetched, confined))
            progress.advance(1)
    return Board(tuple(standings))


def hits_of(entry: Entry, predictions: Path) -> Hits:
    """Give the hits of an entry, once its predictions are found to give what it says."""
    for finding in inspect(entry, predictions).findings:
        if finding.level == "FAIL":
            raise EntryError(finding.text)
    return Hits.of(read_predictions(predictions))


def _standing(folder: EntryFolder, fetched: Path | None, confined: Confined) -> Standing:
    path = folder.predictions
    if path is None and fetched is not None:
        path = fetched / f"{folder.entry.predictions_sha256}.parquet"
        path = path if path.is_file() else None
    try:
        hits = None if path is None else confined.run(hits_of, folder.entry, path)
    except EntryError as error:
        raise EntryError(
            f"{folder.path.name}: {error} (`imagenetq leaderboard check` tells all that is wrong)"
        ) from None
    return Standing(
        name=folder.path.name,
        submission=folder.submission,
        entry=folder.entry,
        hits=hits,
        is_registered=is_registered(folder.entry.source_digest),
        unranked="; ".join(why_unranked(folder.entry)) or None,
    )
