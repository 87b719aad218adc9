"""Define the command that hands a result in for the leaderboard: submit."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from imagenetq.commands.common import DATA, Json, explains_errors, note, option
from imagenetq.commands.leaderboard import ENTRIES
from imagenetq.commands.options import spliced
from imagenetq.errors import UsageError

_ASKED = {
    "name": "The model's name, as the leaderboard shows it",
    "link": "Link to the model, its weights or its code",
    "training_data": "What it was trained on",
    "paper": "Link to the paper (empty for none)",
    "notes": "What else a reader should know (empty for nothing)",
}
_MAY_BE_EMPTY = ("paper", "notes")


@dataclass(frozen=True)
class _Answers:
    """The answers that only the submitter knows; on a terminal, those not given are asked for."""

    PANEL: ClassVar[str] = "What you say of it"

    name: Annotated[str | None, option(f"{_ASKED['name']}.")] = None
    link: Annotated[str | None, option(f"{_ASKED['link']}.")] = None
    training_data: Annotated[str | None, option(f"{_ASKED['training_data']}.")] = None
    paper: Annotated[str | None, option(f"{_ASKED['paper']}.")] = None
    notes: Annotated[str | None, option(f"{_ASKED['notes']}.")] = None


@explains_errors
@spliced
def submit(
    answers: _Answers,
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result's folder.")],
    out: Annotated[
        Path | None, option("Folder of entries, for a pull request on Git; leaderboard/entries.")
    ] = None,
    to: Annotated[
        str | None, option("Open a pull request on this Hub dataset instead.", metavar="ORG/NAME")
    ] = None,
    predictions: Annotated[
        str | None, option("Keep predictions in this Hub dataset of yours.", metavar="ORG/NAME")
    ] = None,
    folder: Annotated[str | None, option("Of the entry; made of the name if not given.")] = None,
    data: Annotated[
        str | None,
        option(
            "The dataset, to compare ids and labels: built folder, URL or hf:ORG/NAME.", panel=DATA
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a result by recomputing it, and hand it in for the leaderboard."""
    from imagenetq.hub import HubAddress
    from imagenetq.progress import working

    with working("loading what recomputes results"):
        from imagenetq.evaluate import open_data
        from imagenetq.evaluate.leaderboard import hub_pull_request, package
        from imagenetq.evaluate.leaderboard.entry.submission import Submission
        from imagenetq.evaluate.leaderboard.register_source import known_source

    if out is not None and to is not None:
        raise UsageError("give --out or --to, not both")
    target, keep = (
        None if text is None else HubAddress.parse(text, example="ORG/imagenet-q-leaderboard")
        for text in (to, predictions)
    )
    given = asdict(answers)
    answered = _checked(given, folder)
    missing = [
        _option(field)
        for field, value in given.items()
        if value is None and field not in _MAY_BE_EMPTY
    ]
    if missing and not sys.stdin.isatty():
        raise UsageError(f"only you know {', '.join(missing)}: give them, or run it on a terminal")
    with working(f"recomputing {results}"):
        source = None if data is None else known_source(open_data(data))
        result = package.check_submittable(results, source)
    for finding in result.findings:
        note(f"{finding.level}: {finding.text}")
    for field in [field for field in given if field not in answered]:
        # Without a terminal, what may be left open is taken as empty.
        answered[field] = _ask(field, folder) if sys.stdin.isatty() else _answer(field, "", folder)
    submission = Submission.model_validate(answered)
    if keep is not None:
        name = package.entry_name(submission.name, folder)
        kept = hub_pull_request.keep_predictions(result.predictions, name, keep)
        submission = submission.model_copy(update={"predictions": kept})
    packed = package.pack(result, submission, folder)
    if target is None:
        where = str(package.write_package(packed, out or ENTRIES))
    else:
        where = hub_pull_request.open_pull_request(packed, target)
    if as_json:
        findings = [asdict(finding) for finding in result.findings]
        print(json.dumps({"entry": where, "name": packed.name, "findings": findings}, indent=1))
    else:
        print(where)


def _checked(given: dict[str, str | None], folder: str | None) -> dict[str, str | None]:
    """Check the answers that options gave, and give them as they will be kept."""
    answered = {}
    for field, text in given.items():
        if text is not None:
            try:
                answered[field] = _answer(field, text, folder)
            except UsageError as refused:
                raise UsageError(f"{_option(field)}: {refused}") from None
    return answered


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
        entry_name(text, folder)  # An unusable name must be refused now, not after all questions.
    return value


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
