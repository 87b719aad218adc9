"""Make and draw Table I: what each network is, and how well it does on clean images."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagenetq.entry_scores import Proportion
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.models.preprocessing import USUAL_SIZE
from imagenetq.evaluate.report import style
from imagenetq.evaluate.report.entry_networks import match_networks
from imagenetq.evaluate.report.markup import latex, table
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.format import TIMES, input_size, parameters, with_interval
from imagenetq.evaluate.results.names import network_names
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imagenetq.evaluate.models.depth import Depth

HEADINGS = (
    "Network",
    "Convolutional layers",
    "Fully connected layers",
    "Parameters",
    "Input (pixels)",
    "Clean top-1 (%)",
    "Clean top-5 (%)",
)

NOT_LOADED = "not loaded"
"""Text in place of the layers of a network that was not loaded, so that they cannot be counted."""

NOT_KNOWN = "not known"
"""Text in place of the layers of a loaded network that cannot be counted, as of an ONNX file."""

_SIZE = 7.0
_LINE = 0.17
_HEAD = 0.32
_MARGIN = 0.06
_GAP = 9.0
_LONGEST_NAME = 150.0


@dataclass(frozen=True)
class Summary:
    """One row of Table I."""

    name: str
    """Name of the network, different from all others in the table."""

    convolutional: int | None
    """Number of convolutional layers on the longest path; None if not known."""

    fully_connected: int | None
    """Number of fully connected layers on the longest path; None if not known."""

    is_loaded: bool
    """Whether the network was loaded, so that its layers could be counted."""

    parameters: int
    """Number of parameters."""

    input_size: tuple[int, int] | None
    """Height and width of the input in pixels; None if they vary."""

    top1: Proportion | None
    """Top-1 accuracy on clean images; None if they were not evaluated."""

    top5: Proportion | None
    """Top-5 accuracy on clean images; None if they were not evaluated."""


def table1(results: Sequence[Result], models: Sequence[Model] = ()) -> list[Summary]:
    """Make a row for each network.

    Args:
        results: results on one dataset.
        models: the loaded networks, whose layers are counted.

    Raises:
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    networks = zip(network_names(results), results, match_networks(results, models), strict=True)
    return [_row(name, result, model) for name, result, model in networks]


def _row(name: str, result: Result, model: Model | None) -> Summary:
    clean = result.scores.variants.get(CLEAN)
    # Before it is fitted it is no network, and has no layers of the kinds that count.
    depth = None if model is None or model.needs_fit is not None else _depth(model)
    return Summary(
        name=name,
        convolutional=None if depth is None else depth.convolutional,
        fully_connected=None if depth is None else depth.fully_connected,
        is_loaded=model is not None,
        parameters=result.entry.model.parameters,
        input_size=result.entry.model.input_size,
        top1=None if clean is None else clean.top1,
        top5=None if clean is None else clean.top5,
    )


def _depth(model: Model) -> "Depth | None":
    from imagenetq.evaluate.models.depth import depth

    return depth(model.module, model.preprocessing.input_size or USUAL_SIZE)


def cells(rows: Sequence[Summary]) -> list[list[str]]:
    """Write the texts of the table, one list per row, accuracies with their 95 % intervals."""
    return [
        [
            row.name,
            _layers(row, row.convolutional),
            _layers(row, row.fully_connected),
            parameters(row.parameters),
            input_size(row.input_size, f" {TIMES} "),
            with_interval(row.top1),
            with_interval(row.top5),
        ]
        for row in rows
    ]


def to_markdown(rows: Sequence[Summary]) -> str:
    """Write the table in Markdown."""
    return table(HEADINGS, "l" + "r" * (len(HEADINGS) - 1), cells(rows)) + "\n"


def to_csv(rows: Sequence[Summary]) -> str:
    """Write the table as CSV for programs, accuracies from 0 to 1 with their 95 % intervals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header = ["network", "convolutional_layers", "fully_connected_layers", "parameters"]
    header += ["input_height", "input_width"]
    header += [f"clean_{k}{end}" for k in ("top1", "top5") for end in ("", "_low", "_high")]
    writer.writerow(header)
    for row in rows:
        shares = [
            value
            for share in (row.top1, row.top5)
            for value in (("",) * 3 if share is None else (share.value, share.low, share.high))
        ]
        layers = [row.convolutional, row.fully_connected]
        known = ["" if count is None else count for count in layers]
        writer.writerow([row.name, *known, row.parameters, *(row.input_size or ("", "")), *shares])
    return buffer.getvalue()


def to_latex(rows: Sequence[Summary]) -> str:
    """Write the table as a LaTeX `tabular` in the style of the package booktabs."""
    # A heading is broken behind its first word.
    heads = [r"\shortstack{" + latex(head).replace(" ", r"\\", 1) + "}" for head in HEADINGS]
    body = [[latex(cell).replace(TIMES, r"$\times$") for cell in row] for row in cells(rows)]
    head, *lines = [" & ".join(row) + r" \\" for row in (heads, *body)]
    begin = r"\begin{tabular}{l" + "r" * (len(HEADINGS) - 1) + "}"
    end = [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(
        [r"% needs \usepackage{booktabs}", begin, r"\toprule", head, r"\midrule", *lines, *end]
    )


@style.paper_style()
def table1_picture(rows: Sequence[Summary]) -> "Figure":
    """Draw the rows that `table1` gives, ruled as in a paper.

    The figure is as wide as a page of two columns, or wider if the texts need it.
    """
    names = [style.fitted(row.name, _LONGEST_NAME, _SIZE) for row in rows]
    texts = [[name, *row[1:]] for name, row in zip(names, cells(rows), strict=True)]
    # A heading is broken before its last word, so that its column is narrower.
    heads = [[part for part in head.rpartition(" ")[::2] if part] for head in HEADINGS]
    columns = list(zip(heads, zip(*texts, strict=True), strict=True))
    widths = [
        max(style.text_width(line, _SIZE) for line in [*head, *shown]) for head, shown in columns
    ]
    needed = sum(widths) + _GAP * (len(widths) - 1)
    width = max(style.WIDTHS[2], needed / style.POINTS + 2 * _MARGIN)
    gap = (width * style.POINTS - 2 * _MARGIN * style.POINTS - sum(widths)) / (len(widths) - 1)
    height = _HEAD + len(rows) * _LINE + 0.14
    figure = style.new_figure(width, height)
    left = _MARGIN * style.POINTS
    for number, ((head, shown), column) in enumerate(zip(columns, widths, strict=True)):
        side = "left" if number == 0 else "right"
        x = (left if number == 0 else left + column) / style.POINTS / width
        for line, text in enumerate(head):
            figure.text(x, 1 - (0.14 + line * 0.12) / height, text, size=_SIZE, ha=side)
        for row, text in enumerate(shown):
            y = 1 - (_HEAD + 0.07 + (row + 0.5) * _LINE) / height
            figure.text(x, y, style.drawable(text), size=_SIZE, ha=side, va="center_baseline")
        left += column + gap
    _rule(figure, 1 - 0.015 / height, 0.9)
    _rule(figure, 1 - (_HEAD + 0.04) / height, 0.5)
    _rule(figure, 0.015 / height, 0.9)
    return figure


def _rule(figure: "Figure", y: float, linewidth: float) -> None:
    from matplotlib.lines import Line2D

    ends = [_MARGIN / figure.get_figwidth(), 1 - _MARGIN / figure.get_figwidth()]
    figure.add_artist(Line2D(ends, [y, y], color="black", linewidth=linewidth))


def _layers(row: Summary, count: int | None) -> str:
    if count is not None:
        return str(count)
    return NOT_KNOWN if row.is_loaded else NOT_LOADED
