"""Define the command that brings a result to a model's page on the Hub: eval-results."""

from pathlib import Path
from typing import Annotated

import typer

from imagenetq.commands.common import explains_errors, note
from imagenetq.commands.opening import read_results


@explains_errors
def eval_results(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result's folder.")],
    dataset: Annotated[
        str,
        typer.Option(metavar="ORG/NAME[@COMMIT]", help="The dataset's repository on the Hub."),
    ],
    out: Annotated[
        Path, typer.Option(help="A checkout of the model's repository, or any folder.")
    ] = Path(),
    source: Annotated[
        str | None, typer.Option(metavar="URL", help="A page that shows the entry.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another result's file.")
    ] = False,
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
