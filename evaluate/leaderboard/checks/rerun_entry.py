"""Run a checked entry again: load its model as whoever checks says, and compare some answers."""

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

from imagenetq.confined import Confined
from imagenetq.errors import UsageError
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.leaderboard.checks.check import predictions_of
from imagenetq.evaluate.leaderboard.checks.findings import Verdict
from imagenetq.evaluate.leaderboard.entry.folder import read_folder
from imagenetq.evaluate.models import LoadOptions, load_model
from imagenetq.evaluate.models.plain import foreign_arguments, is_of_a_library
from imagenetq.predictions import read_predictions


def run_again(
    path: Path,
    verdict: Verdict,
    data: Data,
    *,
    n_pairs: int,
    seed: int | None = None,
    model: str | None = None,
    options: LoadOptions | None = None,
    fetched: Path | None = None,
) -> tuple[Verdict, str]:
    """Answer random pairs of an entry again; nothing in the entry decides what code runs.

    Args:
        path: the entry's folder.
        verdict: what the check says of it; an entry that fails is not run.
        data: the dataset that it is of.
        n_pairs: number of pairs.
        seed: decides the choice of pairs; drawn if None, so that nobody knows it before.
        model: what to load; the entry's own name if None and if that is safe.
        options: how to load it.
        fetched: as for `check`.

    Returns:
        The verdict with what the rerun found, and a line that tells what was done.

    Raises:
        UsageError: the model must be named by whoever checks, or has arguments that no entry may
            give.
        ModelError: the model cannot be loaded.
    """
    from imagenetq.evaluate.leaderboard.checks.rerun_pairs import rerun

    if verdict.status == "FAIL":
        return verdict, f"{verdict.name}: fails already, so it was not run again"
    entry = read_folder(path).entry
    name = model or entry.model.name
    foreign = foreign_arguments(entry.model.name, entry.model.arguments)
    if foreign:
        raise UsageError(
            f"{verdict.name}: its argument {foreign[0][:80]!a} is no plain value of an "
            "architecture's parameter and may load code or files, so it is not run again"
        )
    if model is None and not is_of_a_library(name):
        raise UsageError(
            f"{name[:80]!a} may load code or files of the submitter's; look at what it is, and "
            "then name it with --model"
        )
    seed = secrets.randbits(32) if seed is None else seed
    loaded = load_model(name, options)
    with TemporaryDirectory() as temporary, Confined() as confined:
        file = predictions_of(path, fetched or Path(temporary))
        predictions = confined.run(read_predictions, file, entry.predictions_sha256)
    found = rerun(entry, predictions, loaded, data, n_pairs=n_pairs, seed=seed)
    total = predictions.n_images * len(predictions.variants)
    told = f"{verdict.name}: {min(n_pairs, total)} of {total} answers run again, --seed {seed}"
    return Verdict.of(verdict.name, [*verdict.findings, *found]), told
