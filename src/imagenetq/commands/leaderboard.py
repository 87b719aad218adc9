"""The commands around the leaderboard: submit, and `leaderboard` check, register."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagenetq.choices import Subset
from imagenetq.commands import evaluating, site
from imagenetq.commands.common import DATA_PANEL, FAILED, Json, Workers, end, explains_errors, note
from imagenetq.errors import FolderError, UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate import Data
    from imagenetq.evaluate.leaderboard.checks.findings import Verdict
    from imagenetq.evaluate.leaderboard.entry.submission import Place
    from imagenetq.evaluate.models import LoadOptions
    from imagenetq.evaluate.results.registered_sources import KnownSource

app = typer.Typer(
    help="Check the leaderboard's entries, and build its pages.", no_args_is_help=True
)
app.command("build")(site.build)

ENTRIES = Path("leaderboard/entries")

_RERUN_PANEL = "Running an entry again"

_ORIGINALS = Path("results/.originals")
"""Where `eval` keeps them, too."""

_ASKED = {
    "name": "The model's name, as the leaderboard shows it",
    "link": "Link to the model, its weights or its code",
    "training_data": "What it was trained on",
    "paper": "Link to the paper (empty for none)",
    "notes": "What else a reader should know (empty for nothing)",
}
_MAY_BE_EMPTY = ("paper", "notes")

_Data = Annotated[
    str | None,
    typer.Option(
        help="The dataset, to compare ids and labels: built folder, URL or hf:ORG/NAME.",
        rich_help_panel=DATA_PANEL,
    ),
]


@app.command("check")
@explains_errors
def check(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Of entry folders, or one entry's.")
    ] = ENTRIES,
    data: _Data = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="In place of --data: render from photographs, as for eval.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = None,
    subset: Annotated[
        Subset | None, typer.Option(help="Of --source, as for eval.", rich_help_panel=DATA_PANEL)
    ] = None,
    allow_short: Annotated[
        bool,
        typer.Option("--allow-short", help="Of --source, as for eval.", rich_help_panel=DATA_PANEL),
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Of --source, as for eval.")] = False,
    fetched: Annotated[
        Path | None, typer.Option(help="Where to keep predictions fetched from the Hub.")
    ] = None,
    rerun: Annotated[
        int | None,
        typer.Option(
            min=1, help="Answer so many pairs of one entry again.", rich_help_panel=_RERUN_PANEL
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of --rerun's choice; drawn and told if not given.",
            rich_help_panel=_RERUN_PANEL,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="If its name is not enough to load it safely.", rich_help_panel=_RERUN_PANEL
        ),
    ] = None,
    model_weights: Annotated[
        str | None,
        typer.Option(help="The file that --weights gave to eval.", rich_help_panel=_RERUN_PANEL),
    ] = None,
    weights_key: Annotated[
        str | None, typer.Option(help="For --rerun: what --weights-key gave to eval.")
    ] = None,
    model_arg: Annotated[
        list[str] | None,
        typer.Option(help="As for eval: NAME=VALUE.", rich_help_panel=_RERUN_PANEL),
    ] = None,
    mean: Annotated[
        str | None, typer.Option(help="As for eval.", rich_help_panel=_RERUN_PANEL)
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="As for eval.", rich_help_panel=_RERUN_PANEL)
    ] = None,
    input_size: Annotated[
        str | None, typer.Option(help="As for eval.", rich_help_panel=_RERUN_PANEL)
    ] = None,
    interpolation: Annotated[
        str | None, typer.Option(help="As for eval.", rich_help_panel=_RERUN_PANEL)
    ] = None,
    class_map: Annotated[
        Path | None, typer.Option(help="As for eval.", rich_help_panel=_RERUN_PANEL)
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute every entry from its predictions, and say what is wrong or odd."""
    from imagenetq.evaluate.leaderboard.checks.check import check as check_entries

    options = evaluating.load_options(
        model_weights, weights_key, model_arg, mean, std, input_size, interpolation, class_map
    )
    given: Data | None = None
    if data is not None or source is not None:
        given = evaluating.open_given(
            data,
            source,
            subset=subset,
            allow_short=allow_short,
            skip_bad=skip_bad,
            check_pixels="sample" if rerun is None else "all",
            originals=_ORIGINALS,
        )
    elif rerun is not None:
        raise UsageError("--rerun needs --data or --source, what the entry was evaluated on")
    verdicts = check_entries(folder, source=_source(given), fetched=fetched)
    if rerun is not None and given is not None:
        verdicts = [_run_again(folder, verdicts, given, rerun, seed, model, options, fetched)]
    if as_json:
        listed = [asdict(verdict) | {"status": verdict.status} for verdict in verdicts]
        print(json.dumps({"ok": not _failed(verdicts), "entries": listed}, indent=1))
    else:
        _print_verdicts(verdicts)
    if _failed(verdicts):
        end(f"{folder}: {_failed(verdicts)} of {len(verdicts)} entries fail", FAILED)


@app.command("register")
@explains_errors
def register(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A built dataset.")],
    out: Annotated[Path, typer.Option(help="The folder of registered sources.")] = Path(
        "leaderboard/datasets"
    ),
    workers: Workers = None,
) -> None:
    """Verify a dataset, and register its source: ids, classes and pixel hashes, no image."""
    # The one place where both rooms meet: only the builder verifies.
    from imagenetq import builder
    from imagenetq.evaluate import open_data
    from imagenetq.evaluate.leaderboard.register_source import register as write_source

    problems = builder.verify(folder, workers=workers)
    if problems:
        for problem in problems:
            print(problem)
        raise FolderError(f"{folder}: {len(problems)} problems, so it was not registered")
    print(write_source(open_data(folder, check_pixels="none"), out))


@explains_errors
def submit(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result's folder.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of entries, for a pull request on Git; leaderboard/entries."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="Open a pull request on this Hub dataset instead."),
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="Keep predictions in this Hub dataset of yours."),
    ] = None,
    name: Annotated[str | None, typer.Option(help=_ASKED["name"] + ".")] = None,
    link: Annotated[str | None, typer.Option(help=_ASKED["link"] + ".")] = None,
    training_data: Annotated[str | None, typer.Option(help=_ASKED["training_data"] + ".")] = None,
    paper: Annotated[str | None, typer.Option(help=_ASKED["paper"] + ".")] = None,
    notes: Annotated[str | None, typer.Option(help=_ASKED["notes"] + ".")] = None,
    folder: Annotated[
        str | None, typer.Option(help="Of the entry; made of the name if not given.")
    ] = None,
    data: _Data = None,
    as_json: Json = False,
) -> None:
    """Check a result by recomputing it, and hand it in for the leaderboard."""
    from imagenetq.evaluate import open_data
    from imagenetq.evaluate.leaderboard.entry.submission import Submission
    from imagenetq.evaluate.leaderboard.hub_pull_request import keep_predictions, open_pull_request
    from imagenetq.evaluate.leaderboard.package import (
        check_submittable,
        entry_name,
        pack,
        write_package,
    )
    from imagenetq.hub import HubAddress

    if out is not None and to is not None:
        raise UsageError("give --out or --to, not both")
    target, keep = (
        None if text is None else HubAddress.parse(text, example="ORG/imagenet-q-leaderboard")
        for text in (to, predictions)
    )
    given = {
        "name": name,
        "link": link,
        "training_data": training_data,
        "paper": paper,
        "notes": notes,
    }
    told = _checked(given, folder)
    _require_answers(given)
    result = check_submittable(results, _source(None if data is None else open_data(data)))
    for finding in result.findings:
        note(f"{finding.level}: {finding.text}")
    told |= _asked([field for field in given if field not in told], folder)
    submission = Submission.model_validate(told)
    place: Place | None = None
    if keep is not None:
        place = keep_predictions(result.predictions, entry_name(submission.name, folder), keep)
    package = pack(result, submission.model_copy(update={"predictions": place}), folder)
    if target is None:
        where = str(write_package(package, out or ENTRIES))
    else:
        where = open_pull_request(package, target)
    if as_json:
        findings = [asdict(finding) for finding in result.findings]
        print(json.dumps({"entry": where, "name": package.name, "findings": findings}, indent=1))
    else:
        print(where)


def _source(data: "Data | None") -> "KnownSource | None":
    if data is None:
        return None
    from imagenetq.evaluate.leaderboard.register_source import known_source

    return known_source(data)


def _failed(verdicts: "list[Verdict]") -> int:
    return sum(verdict.status == "FAIL" for verdict in verdicts)


def _print_verdicts(verdicts: "list[Verdict]") -> None:
    for verdict in verdicts:
        print(f"{verdict.status:4}  {verdict.name}")
        for finding in verdict.findings:
            print(f"      {finding.level}: {finding.text}")


def _run_again(
    folder: Path,
    verdicts: "list[Verdict]",
    data: "Data",
    n_pairs: int,
    seed: int | None,
    model: str | None,
    options: "LoadOptions",
    fetched: Path | None,
) -> "Verdict":
    from imagenetq.evaluate.leaderboard.checks.rerun_entry import run_again

    if len(verdicts) > 1:
        raise UsageError(f"{folder}: --rerun takes one entry at a time; name its folder")
    verdict, told = run_again(
        folder,
        verdicts[0],
        data,
        n_pairs=n_pairs,
        seed=seed,
        model=model,
        options=options,
        fetched=fetched,
    )
    note(told)
    return verdict


def _require_answers(given: dict[str, str | None]) -> None:
    """Refuse early what only the submitter knows, is not told, and cannot be asked for."""
    missing = [
        _option(field)
        for field, value in given.items()
        if value is None and field not in _MAY_BE_EMPTY
    ]
    if missing and not sys.stdin.isatty():
        raise UsageError(f"only you know {', '.join(missing)}: give them, or run it on a terminal")


def _checked(given: dict[str, str | None], folder: str | None) -> dict[str, str | None]:
    """The answers that options gave, each of which can be taken."""
    told = {}
    for field, text in given.items():
        if text is not None:
            try:
                told[field] = _answer(field, text, folder)
            except UsageError as refused:
                raise UsageError(f"{_option(field)}: {refused}") from None
    return told


def _asked(fields: list[str], folder: str | None) -> dict[str, str | None]:
    """The answers to what options left open: on a terminal, asked until they can be taken."""
    if not sys.stdin.isatty():
        return {field: _answer(field, "", folder) for field in fields}
    return {field: _ask(field, folder) for field in fields}


def _ask(field: str, folder: str | None) -> str | None:
    default = "" if field in _MAY_BE_EMPTY else None
    while True:
        text = typer.prompt(_ASKED[field], default=default, show_default=False, err=True)
        try:
            return _answer(field, text.strip(), folder)
        except UsageError as refused:
            note(str(refused))


def _answer(field: str, text: str, folder: str | None) -> str | None:
    from imagenetq.evaluate.leaderboard.entry.submission import checked_answer
    from imagenetq.evaluate.leaderboard.package import entry_name

    value = checked_answer(field, text)
    if field == "name":
        entry_name(text, folder)  # An unusable one must be told now, not after all questions.
    return value


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
