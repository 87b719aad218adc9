"""Define the pieces of the report: what each needs, and how it is drawn and written."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.entry_scores import FiniteModel
from imagenetq.errors import EntryError, ImagenetqError, ModelError, UsageError
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.report import (
    captions,
    class_falls,
    conclusions_text,
    error_consistency,
    ranking_stability,
)
from imagenetq.evaluate.report import network_table as summary
from imagenetq.evaluate.report.accuracy_curves import figure2
from imagenetq.evaluate.report.conclusions import findings
from imagenetq.evaluate.report.depth_and_robustness import robustness_figure
from imagenetq.evaluate.report.distortion_examples import (
    figure1,
    figure1_variants,
    figure3,
    figure3_levels,
)
from imagenetq.evaluate.report.entry_networks import match_networks
from imagenetq.evaluate.report.filter_responses import FIGURE4, figure4
from imagenetq.evaluate.report.markup import markdown
from imagenetq.evaluate.report.network_table_figure import table1_picture
from imagenetq.evaluate.report.pictures import Picture
from imagenetq.evaluate.report.risk_curves import risk_figure
from imagenetq.evaluate.report.style import Columns, save
from imagenetq.evaluate.results.basis import basis
from imagenetq.evaluate.results.confidence import confidence_scores
from imagenetq.evaluate.results.confidence_table import confidence_lines
from imagenetq.evaluate.results.names import network_names
from imagenetq.evaluate.results.other_scores import OtherScores
from imagenetq.evaluate.results.per_class import class_scores
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.stability import stability
from imagenetq.files import write_whole


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that a report is made from."""

    results: Sequence[Result]
    """Results on one dataset."""

    picture: Picture | None
    """The photograph to show; None if its pixels are not available."""

    models: Sequence[Model]
    """The loaded networks."""

    layers: Sequence[str] | None
    """Names of the layers that Figure 4 shows; the first and the last convolution if None."""

    paper: bool
    """Whether to draw the paper's curves in Figure 2."""

    columns: Columns
    """How many columns of a two-column page figures span."""

    others: OtherScores | None = None
    """Scores in other benchmarks; None if none were given."""


@dataclass(frozen=True)
class Piece:
    """A part of the report that has been written."""

    files: tuple[Path, ...]
    """Paths of the files written, the figure's first if there is one."""

    caption: str
    """Caption of the figure."""

    text: str = ""
    """Markdown to show beneath the figure."""


@dataclass(frozen=True)
class Kind:
    """A kind of piece: what it needs, and how it is written."""

    needs_picture: bool
    """Whether it needs the pixels of a photograph."""

    needs_network: bool
    """Whether it needs a loaded network."""

    write: Callable[[Material, Path], tuple[list[Piece], list[str]]]
    """A function that writes pieces made from the material into a folder. It gives the pieces, and
    a line on each part that was left out."""

    needs_two: bool = False
    """Whether it needs two results or more."""


def shown_variants(figure: str, results: Sequence[Result]) -> list[str]:
    """List the variants whose pixels a figure shows; empty if it shows none."""
    if figure == "1":
        return figure1_variants(results)
    if figure == "3":
        return [name for names in figure3_levels(results).values() for name in names]
    return list(FIGURE4) if figure == "4" else []


def _write_table1(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    rows = summary.table1(material.results, material.models)
    files = save(table1_picture(rows), out, "table1")
    texts = {
        "md": summary.to_markdown(rows),
        "csv": summary.to_csv(rows),
        "tex": summary.to_latex(rows),
    }
    for kind, text in texts.items():
        files.append(out / f"table1.{kind}")
        write_whole(files[-1], text.encode())
    absent = [row.name for row in rows if not row.is_loaded]
    notes = []
    if absent:
        notes.append(
            f"table 1: the layers of {', '.join(absent)}, which the network itself tells; give "
            "--model NAME (and --weights FILE)"
        )
    return [Piece(tuple(files), captions.of_table1(material.results), texts["md"])], notes


def _write_figure1(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    picture = _picture(material)
    figure = figure1(material.results, picture, columns=material.columns)
    caption = captions.of_figure1(material.results, picture)
    return [Piece(tuple(save(figure, out, "figure1")), caption)], []


def _write_figure2(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    figure = figure2(material.results, paper=material.paper, columns=material.columns)
    caption = captions.of_figure2(material.results, paper=material.paper)
    return [Piece(tuple(save(figure, out, "figure2")), caption)], []


def _write_figure3(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    picture = _picture(material)
    figure = figure3(material.results, picture, columns=material.columns)
    caption = captions.of_figure3(material.results, picture)
    return [Piece(tuple(save(figure, out, "figure3")), caption)], []


def _write_figure4(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    from imagenetq.evaluate.results.result import folder_name

    picture = _picture(material)
    pieces: list[Piece] = []
    refused: list[ImagenetqError] = []
    matched = match_networks(material.results, material.models)
    named = zip(network_names(material.results), material.results, matched, strict=True)
    for name, result, model in named:
        if model is None:
            continue
        try:
            figure = figure4(
                model, picture, result=result, layers=material.layers, columns=material.columns
            )
        except ModelError as error:
            refused.append(error)
            continue
        files = save(figure, out, f"figure4-{folder_name(name)}")
        pieces.append(Piece(tuple(files), captions.of_figure4(result, name, picture)))
    if refused and not pieces:
        raise refused[0]
    return pieces, [str(error) for error in refused]


def _write_findings(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    found = findings(material.results, material.models)
    text = conclusions_text.to_markdown(found)
    files, notes = [], []
    try:
        files += save(robustness_figure(found, columns=material.columns), out, "robustness")
    except EntryError as error:
        notes.append(f"depth against robustness: {error}")
    files += [out / "findings.md", out / "findings.json"]
    caption = captions.of_robustness(material.results)
    head = f"# Findings\n\n{markdown(basis(material.results))}"
    write_whole(files[-2], f"{head}\n\n{text}".encode())
    write_whole(files[-1], f"{found.model_dump_json(indent=1)}\n".encode())
    return [Piece(tuple(files), caption, text)], notes


def _write_consistency(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    table = error_consistency.consistency_table(material.results)
    figure = error_consistency.consistency_figure(table, columns=material.columns)
    files = [*save(figure, out, "consistency"), _write_json(table, out / "consistency.json")]
    caption = captions.of_consistency(material.results)
    return [Piece(tuple(files), caption, error_consistency.to_markdown(table))], []


def _write_classes(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    def write(result: Result, name: str, stem: str) -> Piece:
        found = class_scores(result.predictions)
        figure = class_falls.classes_figure(found, columns=material.columns)
        files = [*save(figure, out, stem), _write_json(found, out / f"{stem}.json")]
        caption = captions.of_classes(result, name)
        return Piece(tuple(files), caption, class_falls.to_markdown(found))

    return _for_each_network(material, "classes", write)


def _write_risk(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    def write(result: Result, name: str, stem: str) -> Piece:
        found = confidence_scores(result.predictions)
        figure = risk_figure(result.predictions, columns=material.columns)
        files = [*save(figure, out, stem), out / f"{stem}.json"]
        told = {variant: held.model_dump(mode="json") for variant, held in found.items()}
        write_whole(files[-1], f"{json.dumps(told, indent=1)}\n".encode())
        lines = "".join(f"- {markdown(line)}\n" for line in confidence_lines(found))
        return Piece(tuple(files), captions.of_risk(result, name), lines)

    return _for_each_network(material, "risk", write)


def _write_stability(material: Material, out: Path) -> tuple[list[Piece], list[str]]:
    results = material.results
    names = network_names(results)
    others = None
    if material.others is not None:
        others = material.others.of(known_names(results))
    found = stability(names, [result.predictions for result in results], others)
    figure = ranking_stability.stability_figure(found, columns=material.columns)
    files = [*save(figure, out, "stability"), _write_json(found, out / "stability.json")]
    caption = captions.of_stability(results)
    return [Piece(tuple(files), caption, ranking_stability.to_markdown(found))], []


def known_names(results: Sequence[Result]) -> list[list[str]]:
    """List the names that each network may have elsewhere: the report's, and the model's.

    A model's name is left out if several results share it, since it does not tell them apart.
    """
    models = [result.entry.model.name for result in results]
    return [
        [name, model] if models.count(model) == 1 else [name]
        for name, model in zip(network_names(results), models, strict=True)
    ]


def _for_each_network(
    material: Material, stem: str, write: Callable[[Result, str, str], Piece]
) -> tuple[list[Piece], list[str]]:
    """Write a piece for each network that allows it; the second list says why others do not."""
    from imagenetq.evaluate.results.result import folder_name

    pieces: list[Piece] = []
    refused: list[str] = []
    for name, result in zip(network_names(material.results), material.results, strict=True):
        try:
            pieces.append(write(result, name, f"{stem}-{folder_name(name)}"))
        except EntryError as error:
            refused.append(f"{stem} of {name}: {error}")
    if not pieces:
        raise EntryError("; ".join(refused))
    return pieces, refused


def _write_json(record: FiniteModel, path: Path) -> Path:
    write_whole(path, f"{record.model_dump_json(indent=1)}\n".encode())
    return path


def _picture(material: Material) -> Picture:
    if material.picture is None:
        raise UsageError(NEEDS_PICTURE)
    return material.picture


NEEDS_PICTURE = "shows a photograph; give --source SOURCE or --data DIR"
NEEDS_TWO = "is between networks; give two results or more"
NEEDS_NETWORK = "shows a network's filters; give --model NAME (and --weights FILE)"

KINDS: dict[str, Kind] = {
    "table1": Kind(False, False, _write_table1),
    "1": Kind(True, False, _write_figure1),
    "2": Kind(False, False, _write_figure2),
    "3": Kind(True, False, _write_figure3),
    "4": Kind(True, True, _write_figure4),
    "findings": Kind(False, False, _write_findings),
    "consistency": Kind(False, False, _write_consistency, needs_two=True),
    "classes": Kind(False, False, _write_classes),
    "risk": Kind(False, False, _write_risk),
    "stability": Kind(False, False, _write_stability),
}
"""The kinds of pieces by the names that `--figure` takes, in the order of the report."""
