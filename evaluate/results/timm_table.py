"""Write results as a table in the columns of timm's results folder.

There each set of images has a file such as `results-imagenet-r.csv`, whose rows say how far a model
falls from its accuracy on the undistorted images, and how many ranks it moves.
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

_OF_TIMM = "timm/"


@dataclass(frozen=True)
class TableRow:
    """One network in numbers; accuracies are percentages."""

    name: str
    """Of the model; timm's own without `timm/`, so that the rows of timm's tables fit."""

    top1: float
    """The ImageNet-Q score."""

    top5: float
    """The same mean of top-5 accuracies."""

    clean_top1: float
    """Top-1 accuracy on the undistorted images."""

    clean_top5: float
    """Top-5 accuracy on them."""

    parameters: int
    """How many."""

    img_size: str
    """Pixels, or HEIGHTxWIDTH; empty if it varies."""

    crop_pct: float | None
    """Share of the resized picture's shorter side that the crop keeps; None if unknown."""

    interpolation: str
    """Of the resize; empty if unknown."""

    @classmethod
    def of(cls, result: Result) -> "TableRow | None":
        """Take what a result says; None if a scored variant or the clean one was not evaluated."""
        predictions = result.predictions
        top1, top5 = score(predictions), score(predictions, predictions.correct(5))
        clean = result.scores.variants.get(CLEAN)
        if top1 is None or top5 is None or clean is None:
            return None
        model = result.entry.model
        return cls(
            name=model.name.removeprefix(_OF_TIMM),
            top1=100 * top1.value,
            top5=100 * top5.value,
            clean_top1=100 * clean.top1.value,
            clean_top5=100 * clean.top5.value,
            parameters=model.parameters,
            img_size=_size(model),
            crop_pct=_crop_pct(model.preprocessing),
            interpolation=str(model.preprocessing.get("interpolation", "")),
        )


def timm_table(rows: Sequence[TableRow]) -> str:
    """Make the file's text: the best first, ranks as timm orders its files."""
    ranked = sorted(rows, key=lambda row: (-row.top1, -row.top5, row.name))
    clean = sorted(rows, key=lambda row: (-row.clean_top1, -row.clean_top5, row.name))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for place, row in enumerate(ranked):
        risen = clean.index(row) - place
        writer.writerow(
            [
                row.name,
                f"{row.top1:.3f}",
                f"{100 - row.top1:.3f}",
                f"{row.top5:.3f}",
                f"{100 - row.top5:.3f}",
                f"{row.parameters / 1e6:,.2f}",
                row.img_size,
                "" if row.crop_pct is None else f"{row.crop_pct:.3f}",
                row.interpolation,
                f"{row.top1 - row.clean_top1:+.3f}",
                f"{row.top5 - row.clean_top5:+.3f}",
                f"{risen:+}" if risen else "0",
            ]
        )
    return text.getvalue()


_COLUMNS = (
    "model",
    "top1",
    "top1_err",
    "top5",
    "top5_err",
    "param_count",
    "img_size",
    "crop_pct",
    "interpolation",
    "top1_diff",
    "top5_diff",
    "rank_diff",
)


def _size(model: EntryModel) -> str:
    if model.input_size is None:
        return ""
    height, width = model.input_size
    return f"{height}" if height == width else f"{height}x{width}"


def _crop_pct(preprocessing: dict[str, Any]) -> float | None:
    """The share as timm would state it: the shortest number that gives the same resize.

    timm resizes to the whole pixels of crop / share, so 224 of 248 are stated as 0.9.
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
    """The shorter side of what an entry states, which may be anyone's; None if it is no size."""
    sides: list[object] = size if isinstance(size, list) else [size]
    known = [side for side in sides if type(side) is int and side > 0]
    return min(known) if known and len(known) == len(sides) else None
