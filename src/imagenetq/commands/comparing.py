"""Define the command that compares two results: compare."""

from pathlib import Path
from typing import Annotated

import typer

from imagenetq.commands.common import Json, explains_errors, option
from imagenetq.commands.opening import read_results
from imagenetq.commands.scoring import LABELS_HELP, read_labels


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
