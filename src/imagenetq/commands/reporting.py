"""The command that makes tables and figures of entries: report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from imagenetq.commands.ending import SOURCE_HELP, Json, explains_errors, note
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate.report.pictures import Pictures
    from imagenetq.evaluate.report.style import Columns


@explains_errors
def report(
    entries: Annotated[
        list[Path] | None,
        typer.Argument(metavar="ENTRY...", help="Results' folders, of one dataset."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("report"),
    figure: Annotated[
        list[str] | None,
        typer.Option(help="1, 2, 3, 4, table1 or findings; all that is possible if not given."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help=f"Where figures 1, 3 and 4 take a photograph. {SOURCE_HELP}")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="The same from a built folder, its URL or hf:ORG/NAME.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(help="The photograph's id; the first that all networks recognise clean."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Load this network of an entry, for its layers and figure 4."),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="Weights of such a network; its entry's SHA-256 tells of which."),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Figure 4 shows this layer, not the first and last convolution."),
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Draw the paper's own curves in figure 2.")
    ] = False,
    columns: Annotated[
        int, typer.Option(min=1, max=2, help="Width of the figures, in columns of a page.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Make the paper's Table I and Figures 1 to 4, and findings in words, of results."""
    from imagenetq.evaluate.report.networks import load_networks
    from imagenetq.evaluate.report.standing import require_one_dataset
    from imagenetq.evaluate.report.writing import write_report
    from imagenetq.evaluate.results import Result

    results = Result.read_all(entries or [])
    require_one_dataset(results)
    made = write_report(
        results,
        out,
        figures=figure or None,
        pictures=_pictures(source, data),
        image_id=image,
        models=load_networks(results, model or [], weights or []),
        layers=layer or None,
        paper=paper,
        columns=cast("Columns", columns),
    )
    if as_json:
        listed = {"files": [str(file) for file in made.files], "left_out": made.left_out}
        print(json.dumps(listed, indent=1))
        return
    for line in made.left_out:
        note(f"left out: {line}")
    for file in made.files:
        print(file)


def _pictures(source: str | None, data: str | None) -> "Pictures | None":
    from imagenetq.evaluate.report.pictures import pictures_of_data, pictures_of_source

    if source is not None and data is not None:
        raise UsageError("give --source or --data, not both")
    if data is not None:
        from imagenetq.evaluate import open_data

        return pictures_of_data(open_data(data))
    if source is None:
        return None
    # The one place where both rooms meet: sources are the builder's.
    from imagenetq import builder

    return pictures_of_source(builder.open_source(source))
