"""Define the commands of `leaderboard`: build, check, register."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from imagenetq.commands.common import (
    DATA,
    FAILED,
    Json,
    Workers,
    end,
    explains_errors,
    note,
    option,
)
from imagenetq.commands.opening import read_labels
from imagenetq.commands.options import DataOptions, ModelOptions, spliced
from imagenetq.errors import FolderError, UsageError
from imagenetq.words import counted

if TYPE_CHECKING:
    from imagenetq.evaluate import Data

app = typer.Typer(
    help="Check the leaderboard's entries, and build its pages.", no_args_is_help=True
)

ENTRIES = Path("leaderboard/entries")

_RERUN_PANEL = "Running an entry again"

_ORIGINALS = Path("results/.originals")
"""Folder for the photographs of a remote source; `eval` keeps them there by default, too."""


@app.command("build")
@explains_errors
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of entry folders.")] = ENTRIES,
    out: Annotated[Path, option("The site's folder: an earlier site, empty, or none yet.")] = Path(
        "site"
    ),
    fetched: Annotated[
        Path | None, option("Where check kept predictions fetched from the Hub.")
    ] = None,
    space: Annotated[
        bool, option("Add the card of a static Space of the Hugging Face Hub.", "--space")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the leaderboard's static site; the same entries give the same bytes."""
    from imagenetq.evaluate.leaderboard.site import read_board, write_site

    site = write_site(read_board(folder, fetched=fetched), out, space=space)
    if as_json:
        print(json.dumps(asdict(site) | {"folder": str(site.folder)}, indent=1))
        return
    entries = counted(site.entries, "entry", "entries")
    print(f"{site.folder}: {entries}, {counted(site.files, 'file')}, {site.bytes / 1e6:.2f} MB")
    print(site.folder / "index.html")


@dataclass(frozen=True)
class _RerunOptions(ModelOptions):
    """The options for loading an entry's model."""

    PANEL: ClassVar[str] = _RERUN_PANEL

    weights: Annotated[
        str | None, option("The file that --weights gave to eval.", "--model-weights")
    ] = None


@app.command("check")
@explains_errors
@spliced
def check(
    data_options: DataOptions,
    model_options: _RerunOptions,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Of entry folders, or one entry's.")
    ] = ENTRIES,
    labels: Annotated[
        Path | None,
        option(
            "Recompute accuracies by these labels, as score gives them.", panel=DATA, metavar="FILE"
        ),
    ] = None,
    fetched: Annotated[
        Path | None, option("Where to keep predictions fetched from the Hub.")
    ] = None,
    rerun: Annotated[
        int | None, option("Answer so many pairs of one entry again.", panel=_RERUN_PANEL, min=1)
    ] = None,
    seed: Annotated[
        int | None,
        option("Of --rerun's choice; drawn and told if not given.", panel=_RERUN_PANEL, min=0),
    ] = None,
    model: Annotated[
        str | None, option("If its name is not enough to load it safely.", panel=_RERUN_PANEL)
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute every entry from its predictions, and say what is wrong or odd."""
    from imagenetq.evaluate.leaderboard.checks.check import check as check_entries
    from imagenetq.evaluate.leaderboard.register_source import known_source

    options = model_options.load_options()
    given: Data | None = None
    if data_options.are_given:
        given = data_options.open("sample" if rerun is None else "all", _ORIGINALS)
    elif rerun is not None:
        raise UsageError("--rerun needs --data or --source, what the entry was evaluated on")
    others = None if labels is None else read_labels(labels)
    source = None if given is None else known_source(given)
    verdicts = check_entries(folder, source=source, labels=others, fetched=fetched)
    if rerun is not None and given is not None:
        if len(verdicts) > 1:
            raise UsageError(f"{folder}: --rerun takes one entry at a time; name its folder")
        from imagenetq.evaluate.leaderboard.checks.rerun import run_again

        verdict, done = run_again(
            folder,
            verdicts[0],
            given,
            n_pairs=rerun,
            seed=seed,
            model=model,
            options=options,
            fetched=fetched,
        )
        note(done)
        verdicts = [verdict]
    n_failed = sum(verdict.status == "FAIL" for verdict in verdicts)
    if as_json:
        listed = [asdict(verdict) | {"status": verdict.status} for verdict in verdicts]
        print(json.dumps({"ok": not n_failed, "entries": listed}, indent=1))
    else:
        for verdict in verdicts:
            print(f"{verdict.status:4}  {verdict.name}")
            for finding in verdict.findings:
                print(f"      {finding.level}: {finding.text}")
    if n_failed:
        end(f"{folder}: {n_failed} of {len(verdicts)} entries fail", FAILED)


@app.command("register")
@explains_errors
def register(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A built dataset.")],
    out: Annotated[Path, option("The folder of registered sources.")] = Path(
        "leaderboard/datasets"
    ),
    workers: Workers = None,
) -> None:
    """Verify a dataset, and register its source: ids, classes and pixel hashes, no image."""
    # This needs both rooms, because only the builder verifies.
    from imagenetq import builder
    from imagenetq.evaluate import open_data
    from imagenetq.evaluate.leaderboard.register_source import register as write_source

    problems = builder.verify(folder, workers=workers)
    if problems:
        for problem in problems:
            print(problem)
        raise FolderError(f"{folder}: {len(problems)} problems, so it was not registered")
    print(write_source(open_data(folder, check_pixels="none"), out))
