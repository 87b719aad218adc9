"""The command that compares two results: compare."""

from pathlib import Path
from typing import Annotated

import typer

from imagenetq.commands.common import Json, explains_errors
from imagenetq.commands.opening import read_results


@explains_errors
def compare(
    first: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result's folder.")],
    second: Annotated[Path, typer.Argument(metavar="RESULTS", help="Another one's.")],
    as_json: Json = False,
) -> None:
    """Compare two results on the same images: paired differences, and which are significant."""
    results = read_results([first, second])
    from imagenetq.evaluate.results.comparison import compare as compare_results
    from imagenetq.evaluate.results.console import print_comparison

    comparison = compare_results(*results)
    if as_json:
        print(comparison.model_dump_json(indent=1))
    else:
        print_comparison(comparison)
