"""Define the command that makes tables and figures of results: report."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

import typer

from imagenetq.choices import Figure
from imagenetq.commands.common import (
    DATA,
    MODEL,
    OUTPUT,
    SOURCE_HELP,
    Json,
    explains_errors,
    note,
    option,
)
from imagenetq.commands.opening import open_source, read_results
from imagenetq.commands.options import spliced
from imagenetq.errors import UsageError
from imagenetq.words import counted

if TYPE_CHECKING:
    from imagenetq.evaluate.report.pictures import Pictures
    from imagenetq.evaluate.report.style import Columns


@dataclass(frozen=True)
class FigureOptions:
    """The options for what is made, and how it looks."""

    PANEL: ClassVar[str] = OUTPUT

    out: Annotated[Path, option("The folder to write to.")] = Path("report")
    figure: Annotated[
        list[Figure] | None,
        option(
            "Make this; may be given several times. All that is possible if not given.",
            metavar="1|2|3|4|table1|findings|consistency|classes|risk|stability",
        ),
    ] = None
    paper: Annotated[bool, option("Draw the paper's own curves in figure 2.", "--paper")] = False
    label: Annotated[
        list[str] | None,
        option(
            "What figures call a network, such as VGG-16: one for each of RESULTS, in order.",
            metavar="NAME",
        ),
    ] = None
    columns: Annotated[int, option("Width of the figures, in columns of a page.", min=1, max=2)] = 2


@dataclass(frozen=True)
class PhotographOptions:
    """The options for the photograph that figures show, and for other benchmarks' scores."""

    PANEL: ClassVar[str] = DATA

    source: Annotated[
        str | None, option(f"Where figures 1, 3 and 4 take a photograph. {SOURCE_HELP}")
    ] = None
    data: Annotated[str | None, option("The same from a built folder, its URL or hf:ORG/NAME.")] = (
        None
    )
    image: Annotated[
        str | None, option("The photograph's id; the first that all networks recognise clean.")
    ] = None
    scores: Annotated[
        Path | None,
        option(
            "Scores of other benchmarks, such as mCE: a first column of networks' names, and "
            "a column a score; stability says how they go together with ours.",
            metavar="CSV",
        ),
    ] = None

    def pictures(self) -> "Pictures | None":
        """Open where photographs come from; None if neither is given."""
        from imagenetq.evaluate.report.pictures import pictures_of_data, pictures_of_source

        if self.source is not None and self.data is not None:
            raise UsageError("give --source or --data, not both")
        if self.data is not None:
            from imagenetq.evaluate import open_data
            from imagenetq.progress import working

            with working(f"opening {self.data}"):
                return pictures_of_data(open_data(self.data))
        return None if self.source is None else pictures_of_source(open_source(self.source))


@dataclass(frozen=True)
class NetworkOptions:
    """The options for the networks that are loaded."""

    PANEL: ClassVar[str] = MODEL

    model: Annotated[
        list[str] | None, option("Load this network of an entry, for its layers and figure 4.")
    ] = None
    weights: Annotated[
        list[str] | None, option("Weights of such a network; its entry's SHA-256 tells of which.")
    ] = None
    layer: Annotated[
        list[str] | None, option("Figure 4 shows this layer, not the first and last convolution.")
    ] = None


@explains_errors
@spliced
def report(
    look: FigureOptions,
    photograph: PhotographOptions,
    network: NetworkOptions,
    entries: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RESULTS", help="Results' folders, of one dataset."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the paper's Table I and Figures 1 to 4, findings in words, and more, of results."""
    if look.label and len(look.label) != len(entries or []):
        raise UsageError(
            f"--label is given {counted(len(look.label), 'time')} for "
            f"{counted(len(entries or []), 'result')}; give one for each, in their order"
        )
    results = read_results(entries or [])
    if look.label:
        labelled = zip(results, look.label, strict=True)
        results = [replace(result, label=name) for result, name in labelled]
    from imagenetq.progress import working

    with working("loading PyTorch and Matplotlib"):
        from imagenetq.evaluate.report.entry_networks import load_networks
        from imagenetq.evaluate.report.report_writer import write_report
        from imagenetq.evaluate.results.basis import require_one_dataset
        from imagenetq.evaluate.results.other_scores import OtherScores

    require_one_dataset(results)
    others = None if photograph.scores is None else OtherScores.read(photograph.scores)
    with working("loading the networks"):
        models = load_networks(results, network.model or [], network.weights or [])
    made = write_report(
        results,
        look.out,
        figures=look.figure or None,
        pictures=photograph.pictures(),
        image_id=photograph.image,
        models=models,
        layers=network.layer or None,
        paper=look.paper,
        columns=cast("Columns", look.columns),
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
