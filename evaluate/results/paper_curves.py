"""The paper's own curves, read off its Fig. 2, to lay under ours."""

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
    """As the paper calls it."""

    distortion: str
    """Ours of the same meaning."""

    metric: Metric
    """What was counted."""

    values: tuple[float, ...]
    """The parameter, mild to strong; 0 of blur and noise is the undistorted image."""

    accuracy: tuple[float, ...]
    """At each of them, 0 to 1."""


@cache
def paper_curves() -> tuple[PaperCurve, ...]:
    """All 40 curves: four networks, five distortions, top-1 and top-5.

    They ship with the package; `leaderboard/reference/dodge-karam-2016.csv` says how they were
    read. The paper prints no numbers, so each is about two points uncertain.
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
    """The paper's four networks, in its Table I's order of strength, strongest first."""
    return list(dict.fromkeys(curve.network for curve in paper_curves()))
