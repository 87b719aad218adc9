"""Define the command that scores stored predictions: score."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagenetq.commands.common import Json, explains_errors, note, option
from imagenetq.commands.opening import read_results
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate.results.labels import Labels
    from imagenetq.evaluate.results.result import Result

LABELS_HELP = (
    "Also by the labels in this JSON file: ReaL's real.json, or an object from image id to a list "
    "of classes."
)


@explains_errors
def score(
    entries: Annotated[list[Path], typer.Argument(metavar="RESULTS", help="Results' folders.")],
    labels: Annotated[Path | None, option(LABELS_HELP, metavar="FILE")] = None,
    write: Annotated[
        bool, option("Keep the accuracies by --labels in each entry.json.", "--write")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score stored predictions again, also by other labels; needs no GPU and no network."""
    if write and labels is None:
        raise UsageError("--write keeps accuracies by other labels; give --labels FILE, too")
    results = read_results(entries)
    from imagenetq.evaluate.results.confidence import confidence_scores
    from imagenetq.evaluate.results.console import confidence_lines, print_result
    from imagenetq.evaluate.results.labels import with_labels

    if labels is not None:
        others = read_labels(labels)
        results = [
            replace(one, entry=with_labels(one.entry, others.of(one.predictions).scores()))
            for one in results
        ]
    listed = []
    for folder, result in zip(entries, results, strict=True):
        if as_json:
            listed.append(_as_json(result))
        else:
            print_result(result)
            for line in confidence_lines(confidence_scores(result.predictions)):
                print(line)
        if write:
            result.write_entry(folder)
            note(f"{folder}: entry.json holds the accuracies by {labels}")
    if as_json:
        print(json.dumps(listed, indent=1))


def read_labels(path: Path) -> "Labels":
    """Read the labels in a file."""
    from imagenetq.evaluate.results.labels import Labels

    return Labels.read(path)


def _as_json(result: "Result") -> dict[str, object]:
    from imagenetq.evaluate.results.confidence import confidence_scores
    from imagenetq.evaluate.results.per_class import class_scores

    return {
        "model": result.entry.model.name,
        "scores": result.scores.model_dump(mode="json"),
        "other_labels": [held.model_dump(mode="json") for held in result.entry.other_labels],
        "confidence": {
            name: held.model_dump(mode="json")
            for name, held in confidence_scores(result.predictions).items()
        },
        "classes": class_scores(result.predictions).model_dump(mode="json"),
    }
