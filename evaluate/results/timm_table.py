"""Write results as a table in the columns of timm's results folder.

In that folder each set of images has a file such as `results-imagenet-r.csv`. Its rows say how far
a model falls from its accuracy on the original images, and how many ranks it moves.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagenetq.entry import EntryModel
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import score
from imagenetq.specification import CLEAN


@dataclass(frozen=True)
class TableRow:
    """One network in numbers; accuracies are percentages."""

    name: str
    """Name of the model, without the prefix `timm/`, as in timm's tables."""

    top1: float
    """The ImageNet-Q score."""

    top5: float
    """Top-5 accuracy averaged as the ImageNet-Q score averages top-1 accuracy."""

    clean_top1: float
    """Top-1 accuracy on the clean images."""

    clean_top5: float
    """Top-5 accuracy on the clean images."""

    model: EntryModel
    """What else timm's tables say of the model."""

    @classmethod
    def of(cls, result: Result) -> "TableRow | None":
        """Make a result's row; None if clean or a scored variant was not evaluated."""
        predictions = result.predictions
        top1, top5 = score(predictions), score(predictions, predictions.correct(5))
        clean = result.scores.variants.get(CLEAN)
        if top1 is None or top5 is None or clean is None:
            return None
        return cls(
            name=result.entry.model.name.removeprefix("timm/"),
            top1=100 * top1.value,
            top5=100 * top5.value,
            clean_top1=100 * clean.top1.value,
            clean_top5=100 * clean.top5.value,
            model=result.entry.model,
        )


def timm_table(rows: Sequence[TableRow]) -> str:
    """Write the CSV text, the best network first; ranks follow the order of timm's files.

    There must be a row.
    """
    ranked = sorted(rows, key=lambda row: (-row.top1, -row.top5, row.name))
    clean = sorted(rows, key=lambda row: (-row.clean_top1, -row.clean_top5, row.name))
    lines = [_line(row, clean.index(row) - rank) for rank, row in enumerate(ranked)]
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _line(row: TableRow, risen: int) -> dict[str, str]:
    crop_pct = _crop_pct(row.model.preprocessing)
    return {
        "model": row.name,
        "top1": f"{row.top1:.3f}",
        "top1_err": f"{100 - row.top1:.3f}",
        "top5": f"{row.top5:.3f}",
        "top5_err": f"{100 - row.top5:.3f}",
        "param_count": f"{row.model.parameters / 1e6:,.2f}",
        "img_size": _size(row.model.input_size),
        "crop_pct": "" if crop_pct is None else f"{crop_pct:.3f}",
        "interpolation": str(row.model.preprocessing.get("interpolation", "")),
        "top1_diff": f"{row.top1 - row.clean_top1:+.3f}",
        "top5_diff": f"{row.top5 - row.clean_top5:+.3f}",
        "rank_diff": f"{risen:+}" if risen else "0",
    }


def _size(size: tuple[int, int] | None) -> str:
    if size is None:
        return ""
    height, width = size
    return f"{height}" if height == width else f"{height}x{width}"


def _crop_pct(preprocessing: dict[str, Any]) -> float | None:
    """Give the share as timm would state it: the shortest number that gives the same resize.

    timm resizes to crop / share in whole pixels, so a crop of 224 from 248 pixels is stated as 0.9.
    """
    cut, short = (_short_side(preprocessing.get(name)) for name in ("crop", "resize"))
    if cut is None or short is None:
        return None
    thousandths = 0
    for scale in (10, 100, 1000):
        thousandths = cut * scale // short * (1000 // scale)
        if thousandths * (short + 1) > 1000 * cut:
            break
    return thousandths / 1000


def _short_side(size: object) -> int | None:
    """Give the shorter side of a size in an entry, which may come from anyone; None if invalid."""
    sides: list[object] = size if isinstance(size, list) else [size]
    known = [side for side in sides if type(side) is int and side > 0]
    return min(known) if known and len(known) == len(sides) else None
