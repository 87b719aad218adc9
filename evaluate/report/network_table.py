"""Make Table I: what each network is, and how well it does on clean images."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagenetq.entry_scores import Proportion
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.report.entry_networks import match_networks
from imagenetq.evaluate.report.markup import latex, markdown
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.format import TIMES, input_size, parameters, with_interval
from imagenetq.evaluate.results.names import network_names
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN

if TYPE_CHECKING:
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

_USUAL_SIZE = (224, 224)


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
        UsageError: there are no results.
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    rows = []
    for name, result, model in zip(
        network_names(results), results, match_networks(results, models), strict=True
    ):
        clean = result.scores.variants.get(CLEAN)
        depth = None if model is None else depth_of(model)
        rows.append(
            Summary(
                name=name,
                convolutional=None if depth is None else depth.convolutional,
                fully_connected=None if depth is None else depth.fully_connected,
                is_loaded=model is not None,
                parameters=result.entry.model.parameters,
                input_size=result.entry.model.input_size,
                top1=None if clean is None else clean.top1,
                top5=None if clean is None else clean.top5,
            )
        )
    return rows


def depth_of(model: Model) -> "Depth | None":
    """Count the layers on a network's longest path; None if they cannot be counted."""
    from imagenetq.evaluate.models.depth import depth

    if model.needs_fit is not None:
        # Before it is fitted it is no network, and has no layers of the kinds that count.
        return None
    return depth(model.module, model.preprocessing.input_size or _USUAL_SIZE)


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
    lines = [
        "| " + " | ".join(HEADINGS) + " |",
        "|---|" + "---:|" * (len(HEADINGS) - 1),
        *("| " + " | ".join(markdown(cell) for cell in row) + " |" for row in cells(rows)),
    ]
    return "\n".join(lines) + "\n"


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
            for held in (row.top1, row.top5)
            for value in (("",) * 3 if held is None else (held.value, held.low, held.high))
        ]
        layers = [row.convolutional, row.fully_connected]
        known = ["" if count is None else count for count in layers]
        writer.writerow([row.name, *known, row.parameters, *(row.input_size or ("", "")), *shares])
    return buffer.getvalue()


def to_latex(rows: Sequence[Summary]) -> str:
    """Write the table as a LaTeX `tabular` in the style of the package booktabs."""
    body = [
        " & ".join(latex(cell).replace(TIMES, r"$\times$") for cell in row) + r" \\"
        for row in cells(rows)
    ]
    heads = " & ".join(r"\shortstack{" + _two_lines(h) + "}" for h in HEADINGS) + r" \\"
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{tabular}{l" + "r" * (len(HEADINGS) - 1) + "}",
            r"\toprule",
            heads,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _two_lines(heading: str) -> str:
    first, _, rest = latex(heading).partition(" ")
    return rf"{first}\\{rest}" if rest else first


def _layers(row: Summary, count: int | None) -> str:
    if count is not None:
        return str(count)
    return NOT_KNOWN if row.is_loaded else NOT_LOADED
