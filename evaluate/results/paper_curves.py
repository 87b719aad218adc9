"""Read the paper's own curves, digitised from its Fig. 2, to draw beneath ours."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Metric = Literal["top1", "top5"]

SOURCE = "Dodge & Karam 2016, digitised from Fig. 2 (about ±2 points)"
_FILE = "dodge-karam-2016.csv"


@dataclass(frozen=True)
class PaperCurve:
    """One curve of the paper's Fig. 2."""

    network: str
    """Name of the network in the paper."""

    distortion: str
    """Name of our distortion that corresponds to the paper's."""

    metric: Metric
    """Whether the accuracy is top-1 or top-5."""

    values: tuple[float, ...]
    """Values of the parameter, mild to strong; 0 of blur and noise is the undistorted image."""

    accuracy: tuple[float, ...]
    """Accuracy at each value, 0 to 1."""


@cache
def paper_curves() -> tuple[PaperCurve, ...]:
    """Read all 40 curves: four networks, five distortions, top-1 and top-5.

    They ship with the package; `leaderboard/reference/dodge-karam-2016.csv` says how they were
    digitised. The paper prints no numbers, so each is uncertain by about two percentage points.
    """
    text = files("imagenetq.evaluate.results").joinpath(_FILE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    points: dict[tuple[str, str, Metric], list[tuple[float, float]]] = {}
    for row in csv.DictReader(lines):
        metric: Metric = "top1" if row["metric"] == "top1" else "top5"
        curve = points.setdefault((row["model"], row["distortion"], metric), [])
        curve.append((float(row["parameter"]), float(row["accuracy_percent"]) / 100))
    return tuple(
        PaperCurve(*key, *map(tuple, zip(*curve, strict=True))) for key, curve in points.items()
    )


def paper_networks() -> list[str]:
    """Name the paper's four networks in the order of their strength in its Table I, best first."""
    return list(dict.fromkeys(curve.network for curve in paper_curves()))
