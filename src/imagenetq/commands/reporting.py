"""Define the command that makes tables and figures of results: report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from imagenetq.choices import Figure
from imagenetq.commands.common import (
    DATA_PANEL,
    MODEL_PANEL,
    OUTPUT_PANEL,
    SOURCE_HELP,
    Json,
    explains_errors,
    note,
)
from imagenetq.commands.opening import open_source, read_results
from imagenetq.errors import UsageError
from imagenetq.words import counted

if TYPE_CHECKING:
    from imagenetq.evaluate.report.pictures import Pictures
    from imagenetq.evaluate.report.style import Columns


@explains_errors
def report(
    entries: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RESULTS", help="Results' folders, of one dataset."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The folder to write to.", rich_help_panel=OUTPUT_PANEL)
    ] = Path("report"),
    figure: Annotated[
        list[Figure] | None,
        typer.Option(
            metavar="1|2|3|4|table1|findings|consistency|classes|risk|stability",
            help="Make this; may be given several times. All that is possible if not given.",
            rich_help_panel=OUTPUT_PANEL,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help=f"Where figures 1, 3 and 4 take a photograph. {SOURCE_HELP}",
            rich_help_panel=DATA_PANEL,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="The same from a built folder, its URL or hf:ORG/NAME.", rich_help_panel=DATA_PANEL
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="The photograph's id; the first that all networks recognise clean.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Load this network of an entry, for its layers and figure 4.",
            rich_help_panel=MODEL_PANEL,
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="Weights of such a network; its entry's SHA-256 tells of which.",
            rich_help_panel=MODEL_PANEL,
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="Figure 4 shows this layer, not the first and last convolution.",
            rich_help_panel=MODEL_PANEL,
        ),
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper", help="Draw the paper's own curves in figure 2.", rich_help_panel=OUTPUT_PANEL
        ),
    ] = False,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Scores of other benchmarks, such as mCE: a first column of networks' names, and "
            "a column a score; stability says how they go together with ours.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What figures call a network, such as VGG-16: one for each of RESULTS, in order.",
            rich_help_panel=OUTPUT_PANEL,
        ),
    ] = None,
    columns: Annotated[
        int,
        typer.Option(
            min=1,
            max=2,
            help="Width of the figures, in columns of a page.",
            rich_help_panel=OUTPUT_PANEL,
        ),
    ] = 2,
    as_json: Json = False,
) -> None:
    """Make the paper's Table I and Figures 1 to 4, findings in words, and more, of results."""
    if label and len(label) != len(entries or []):
        raise UsageError(
            f"--label is given {counted(len(label), 'time')} for "
            f"{counted(len(entries or []), 'result')}; give one for each, in their order"
        )
    results = read_results(entries or [])
    if label:
        results = [replace(held, label=name) for held, name in zip(results, label, strict=True)]
    from imagenetq.progress import working

    with working("loading PyTorch and Matplotlib"):
        from imagenetq.evaluate.report.entry_networks import load_networks
        from imagenetq.evaluate.report.report_writer import write_report
        from imagenetq.evaluate.results.basis import require_one_dataset
        from imagenetq.evaluate.results.other_scores import OtherScores

    require_one_dataset(results)
    others = None if scores is None else OtherScores.read(scores)
    with working("loading the networks"):
        models = load_networks(results, model or [], weights or [])
    made = write_report(
        results,
        out,
        figures=figure or None,
        pictures=_pictures(source, data),
        image_id=image,
        models=models,
        layers=layer or None,
        paper=paper,
        columns=cast("Columns", columns),
        others=others,
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
        from imagenetq.progress import working

        with working(f"opening {data}"):
            return pictures_of_data(open_data(data))
    return None if source is None else pictures_of_source(open_source(source))
