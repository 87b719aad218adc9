"""Define the commands that score and compare stored predictions: score, compare."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagenetq.commands.common import Json, explains_errors, note, option
from imagenetq.commands.opening import read_labels, read_results
from imagenetq.errors import UsageError

if TYPE_CHECKING:
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


@explains_errors
def compare(
    first: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result's folder.")],
    second: Annotated[Path, typer.Argument(metavar="RESULTS", help="Another one's.")],
    labels: Annotated[Path | None, option(LABELS_HELP, metavar="FILE")] = None,
    as_json: Json = False,
) -> None:
    """Compare two results on the same photographs: paired differences, error consistency."""
    one, other = read_results([first, second])
    from imagenetq.evaluate.results.comparison import compare as compare_results
    from imagenetq.evaluate.results.console import print_comparison

    comparison = compare_results(one, other, None if labels is None else read_labels(labels))
    if as_json:
        print(comparison.model_dump_json(indent=1))
    else:
        print_comparison(comparison)


def _as_json(result: "Result") -> dict[str, object]:
    from imagenetq.evaluate.results.confidence import confidence_scores
    from imagenetq.evaluate.results.per_class import class_scores

    return {
        "model": result.entry.model.name,
        "scores": result.scores.model_dump(mode="json"),
        "other_labels": [scores.model_dump(mode="json") for scores in result.entry.other_labels],
        "confidence": {
            name: scores.model_dump(mode="json")
            for name, scores in confidence_scores(result.predictions).items()
        },
        "classes": class_scores(result.predictions).model_dump(mode="json"),
    }
