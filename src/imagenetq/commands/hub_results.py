"""Define the command that brings a result to a model's page on the Hub: eval-results."""

from pathlib import Path
from typing import Annotated

import typer

from imagenetq.commands.common import explains_errors, note, option
from imagenetq.commands.opening import read_results


@explains_errors
def eval_results(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result's folder.")],
    dataset: Annotated[
        str, option("The dataset's repository on the Hub.", metavar="ORG/NAME[@COMMIT]")
    ],
    out: Annotated[Path, option("A checkout of the model's repository, or any folder.")] = Path(),
    source: Annotated[str | None, option("A page that shows the entry.", metavar="URL")] = None,
    overwrite: Annotated[bool, option("Replace another result's file.", "--overwrite")] = False,
) -> None:
    """Write a result as .eval_results/imagenet-q.yaml, which the Hub shows on a model's page."""
    (result,) = read_results([results])
    from imagenetq.evaluate.results.basis import doubt_about
    from imagenetq.evaluate.results.hub_export import write_hub_results

    path = write_hub_results(result, dataset, out, source=source, overwrite=overwrite)
    doubt = doubt_about(result.entry)
    if doubt is not None:
        note(f"warning: {doubt} A model's page should show no such result")
    print(path)
