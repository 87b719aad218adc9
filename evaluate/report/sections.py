"""Define the pieces of the report: what each needs, and what is drawn and written of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagenetq.entry_scores import FiniteModel
from imagenetq.errors import EntryError, ModelError, UsageError
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.report import (
    class_falls,
    conclusions_text,
    error_consistency,
    network_table,
    ranking_stability,
)
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
from imagenetq.evaluate.report.filter_responses import FIGURE4, N_MAPS, figure4
from imagenetq.evaluate.report.markup import key_letter, markdown
from imagenetq.evaluate.report.pictures import Picture
from imagenetq.evaluate.report.risk_curves import risk_figure
from imagenetq.evaluate.report.style import Columns, encoded
from imagenetq.evaluate.results.basis import basis
from imagenetq.evaluate.results.confidence import confidence_scores
from imagenetq.evaluate.results.console import confidence_lines
from imagenetq.evaluate.results.names import class_word, known_names, network_names
from imagenetq.evaluate.results.other_scores import OtherScores
from imagenetq.evaluate.results.paper_curves import SOURCE
from imagenetq.evaluate.results.per_class import class_scores
from imagenetq.evaluate.results.result import Result, folder_name
from imagenetq.evaluate.results.stability import stability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDS_PICTURE = "shows a photograph; give --source SOURCE or --data DIR"
NEEDS_TWO = "is between networks; give two results or more"
NEEDS_NETWORK = "shows a network's filters; give --model NAME (and --weights FILE)"


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that a report is made from; `write_report` says what each is."""

    results: Sequence[Result]
    picture: Picture | None
    models: Sequence[Model]
    layers: Sequence[str] | None
    paper: bool
    columns: Columns
    others: OtherScores | None

    @property
    def photograph(self) -> Picture:
        """The photograph to show, which must be available."""
        if self.picture is None:
            raise UsageError(NEEDS_PICTURE)
        return self.picture


@dataclass(frozen=True)
class Piece:
    """A part of the report."""

    files: dict[str, bytes]
    """Contents of its files by their names, the figure's first if there is one."""

    caption: str
    text: str = ""
    """Markdown to show beneath the figure."""


Made = Iterator[Piece | str]
"""Pieces of one kind, and a line on each part that is left out."""


@dataclass(frozen=True)
class Kind:
    """A kind of piece: how it is made, and what it needs."""

    make: Callable[[Material], Made]

    variants: Callable[[Sequence[Result]], Sequence[str]] | None = None
    """A function that lists the variants of a photograph that are shown; None if none is."""

    needs_network: bool = False
    needs_two: bool = False


def _table1(material: Material) -> Made:
    rows = network_table.table1(material.results, material.models)
    text = network_table.to_markdown(rows)
    tables = {"md": text, "csv": network_table.to_csv(rows), "tex": network_table.to_latex(rows)}
    files = _files("table1", network_table.table1_picture(rows), **tables)
    caption = (
        "Table I. The networks: convolutional and fully connected layers on the longest path from "
        "input to output, parameters, input size, and accuracy on clean images with its 95 % "
        f"Wilson interval. {_replaced(material.results)}{basis(material.results)}"
    )
    yield Piece(files, caption, text)
    absent = [row.name for row in rows if not row.is_loaded]
    if absent:
        yield (
            f"table 1: the layers of {', '.join(absent)}, which the network itself tells; give "
            "--model NAME (and --weights FILE)"
        )


def _figure1(material: Material) -> Made:
    results, picture = material.results, material.photograph
    caption = (
        f"Figure 1. One photograph ({_id_and_class(picture)}) as it is and distorted, with each "
        f"network's answer: {_answers(results)} {basis(results)}"
    )
    yield Piece(_files("figure1", figure1(results, picture, columns=material.columns)), caption)


def _figure2(material: Material) -> Made:
    figure = figure2(material.results, paper=material.paper, columns=material.columns)
    beneath = f" Grey: {SOURCE}, on other photographs." if material.paper else ""
    caption = (
        "Figure 2. Top-1 and top-5 accuracy under five distortions, from mild (left) to strong "
        "(right), with 95 % Wilson intervals. The clean image is the first point of blur and noise "
        f"(sigma 0) and of contrast (factor 1).{beneath} {basis(material.results)}"
    )
    yield Piece(_files("figure2", figure), caption)


def _figure3(material: Material) -> Made:
    results, picture = material.results, material.photograph
    caption = (
        f"Figure 3. One photograph ({_id_and_class(picture)}) under each distortion at four "
        "levels, from mild (left) to strong (right), with each network's answer: "
        f"{_answers(results)} {basis(results)}"
    )
    yield Piece(_files("figure3", figure3(results, picture, columns=material.columns)), caption)


def _figure3_variants(results: Sequence[Result]) -> list[str]:
    return [name for names in figure3_levels(results).values() for name in names]


def _figure4(material: Material) -> Made:
    picture = material.photograph
    refused: list[ModelError] = []
    results = material.results
    models = match_networks(results, material.models)
    is_made = False
    for name, result, model in zip(network_names(results), results, models, strict=True):
        if model is None:
            continue
        try:
            figure = figure4(
                model, picture, result=result, layers=material.layers, columns=material.columns
            )
        except ModelError as error:
            refused.append(error)
            continue
        is_made = True
        caption = (
            f"Figure 4 ({name}). Responses of convolutional layers to a photograph "
            f"({_id_and_class(picture)}), clean, blurred and noisy, after the preprocessing that "
            "it was evaluated with; under each its answer and the probability that it gives to the "
            f"true class. Of each layer at most {N_MAPS} maps, those that vary most in any of the "
            "three, the same in all; one colour scale a layer, from the 1st to the 99th "
            f"percentile. {basis([result])}"
        )
        yield Piece(_files(f"figure4-{folder_name(name)}", figure), caption)
    if refused and not is_made:
        raise refused[0]
    yield from map(str, refused)


def _findings(material: Material) -> Made:
    results = material.results
    record = findings(results, material.models)
    text = conclusions_text.to_markdown(record)
    files = {}
    try:
        files = _files("robustness", robustness_figure(record, columns=material.columns))
    except EntryError as error:
        yield f"depth against robustness: {error}"
    caption = (
        "Depth and size against robustness: layers on the longest path, and parameters, against "
        "the relative score (ImageNet-Q score divided by clean top-1 accuracy) with its 95 % "
        f"interval. {basis(results)}"
    )
    page = f"# Findings\n\n{markdown(basis(results))}\n\n{text}"
    files |= {"findings.md": page.encode(), "findings.json": _json(record).encode()}
    yield Piece(files, caption, text)


def _consistency(material: Material) -> Made:
    table = error_consistency.consistency_table(material.results)
    figure = error_consistency.consistency_figure(table, columns=material.columns)
    files = _files("consistency", figure, json=_json(table))
    caption = (
        "Error consistency. Cohen's kappa of two networks' being right, against level from mild "
        "(left) to strong (right), with 95 % intervals. Of three networks or more the matrix has "
        "clean images below its diagonal, and above it the mean of the five distortions. "
        f"{basis(material.results)}"
    )
    yield Piece(files, caption, error_consistency.to_markdown(table))


def _classes(material: Material) -> Made:
    def piece(result: Result, name: str, stem: str) -> Piece:
        classes = class_scores(result.predictions)
        figure = class_falls.classes_figure(classes, columns=material.columns)
        files = _files(stem, figure, json=_json(classes))
        caption = (
            f"Classes ({name}). Left: the classes that fall first, by the share of levels at which "
            "photographs recognised clean still are; the line is the share of all classes. Right: "
            "confusions that a distortion creates, by the share of a class's such photographs that "
            "at some level are taken for another class; the tick is the share of all other "
            "classes'. Coloured is what is more than chance after Holm's correction. "
            f"{basis([result])}"
        )
        return Piece(files, caption, class_falls.to_markdown(classes))

    return _of_each_network(material, "classes", piece)


def _risk(material: Material) -> Made:
    def piece(result: Result, name: str, stem: str) -> Piece:
        scores = confidence_scores(result.predictions)
        figure = risk_figure(result.predictions, columns=material.columns)
        recorded = {variant: one.model_dump(mode="json") for variant, one in scores.items()}
        files = _files(stem, figure, json=f"{json.dumps(recorded, indent=1)}\n")
        lines = "".join(f"- {markdown(line)}\n" for line in confidence_lines(scores))
        caption = (
            f"Risk ({name}). The share of wrong answers among those that the network is surest of, "
            "against the share that it answers; dashed: clean images; from mild (light) to strong "
            f"(dark) levels. {basis([result])}"
        )
        return Piece(files, caption, lines)

    return _of_each_network(material, "risk", piece)


def _stability(material: Material) -> Made:
    results = material.results
    others = None if material.others is None else material.others.of(known_names(results))
    predictions = [result.predictions for result in results]
    record = stability(network_names(results), predictions, others)
    figure = ranking_stability.stability_figure(record, columns=material.columns)
    files = _files("stability", figure, json=_json(record))
    caption = (
        "Stability. Left: the ImageNet-Q score with 95 % of what other classes would give, drawn "
        "with replacement. Middle: the score over so many photographs of each class (lines), and "
        "over each photograph of a class alone (dots). Right: the share of draws that give each "
        f"rank. {basis(results)}"
    )
    yield Piece(files, caption, ranking_stability.to_markdown(record))


def _of_each_network(
    material: Material, stem: str, piece: Callable[[Result, str, str], Piece]
) -> Made:
    """Make a piece for each network that allows it, and say why others do not."""
    refused: list[str] = []
    for name, result in zip(network_names(material.results), material.results, strict=True):
        try:
            yield piece(result, name, f"{stem}-{folder_name(name)}")
        except EntryError as error:
            refused.append(f"{stem} of {name}: {error}")
    if len(refused) == len(material.results):
        raise EntryError("; ".join(refused))
    yield from refused


def _id_and_class(picture: Picture) -> str:
    return f"{picture.image_id}: {class_word(picture.label)}"


def _replaced(results: Sequence[Result]) -> str:
    """Say what was replaced in networks' own preprocessing; an empty text if nothing was."""
    networks = []
    for name, result in zip(network_names(results), results, strict=True):
        overrides = result.entry.model.overrides or {}
        values = [f"{key.replace('_', ' ')} {_numbers(of)}" for key, of in overrides.items()]
        if values:
            networks.append(f"{name} ({', '.join(values)})")
    return f"Replaced in the preprocessing: {'; '.join(networks)}. " if networks else ""


def _numbers(value: object) -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    # Equal numbers for all channels were mostly given as one number.
    shown = value[:1] if len(set(map(str, value))) == 1 else value
    return " ".join(map(str, shown))


def _answers(results: Sequence[Result]) -> str:
    marks = "a tick if it is right, a cross if not, the class, and the probability of the true one."
    if len(results) == 1:
        return marks
    names = enumerate(network_names(results))
    return f"{marks} {', '.join(f'{key_letter(number)} {name}' for number, name in names)}."


def _files(stem: str, figure: "Figure", **texts: str) -> dict[str, bytes]:
    """Give the contents of a figure's files, and of texts beside it by their endings."""
    contents = encoded(figure) | {ending: text.encode() for ending, text in texts.items()}
    return {f"{stem}.{ending}": content for ending, content in contents.items()}


def _json(record: FiniteModel) -> str:
    return f"{record.model_dump_json(indent=1)}\n"


KINDS: dict[str, Kind] = {
    "table1": Kind(_table1),
    "1": Kind(_figure1, figure1_variants),
    "2": Kind(_figure2),
    "3": Kind(_figure3, _figure3_variants),
    "4": Kind(_figure4, lambda _: FIGURE4, needs_network=True),
    "findings": Kind(_findings),
    "consistency": Kind(_consistency, needs_two=True),
    "classes": Kind(_classes),
    "risk": Kind(_risk),
    "stability": Kind(_stability),
}
"""The kinds of pieces by the names that `--figure` takes, in the order of the report."""
