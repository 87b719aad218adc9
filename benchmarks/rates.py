"""Compute rates from runs of two sizes, and tabulate contenders by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any

import measure
from watching import Busy


@dataclass(frozen=True)
class Rate:
    """The rate that a contender reached."""

    steady: float | None
    """Images/s without what starting takes; None if noise hid it."""

    busy: Busy
    """How busy the machine was meanwhile."""

    whole: float | None = None
    """Images/s of the whole run, everything included; None where nothing starts."""

    def figures(self) -> dict[str, float | None]:
        """Give the figures for JSON."""
        whole, busy = self.whole, self.busy
        return {"steady": self.steady, "whole": whole, "cpu": busy.cpu, "gpu": busy.gpu}


def steady_rate(n_images: int, small: float, large: float) -> float | None:
    """Compute images/s without what starting takes.

    Args:
        n_images: number of images by which two runs differ.
        small: seconds of the smaller run.
        large: seconds of the larger run.

    Returns:
        The rate; None if the larger run took no longer, so that noise exceeds what is measured.
    """
    return n_images / (large - small) if large > small else None


def median_rate(rates: Sequence[float | None]) -> float | None:
    """Give the median; a rate that noise hid counts as above all others, so it may be None."""
    middle = median(inf if rate is None else rate for rate in rates)
    return None if middle == inf else middle


def rate_cell(rate: float | None) -> str:
    """Write a rate in images/s; a dash if noise hid it."""
    return "-" if rate is None else f"{rate:.0f}"


def ratio_cell(rate: float | None, other: float | None) -> str:
    """Write how many times another rate a rate is; a dash if noise hid one of them."""
    return "-" if rate is None or other is None else f"{rate / other:.2f}"


def noise_note(rates: Sequence[float | None]) -> str:
    """Say what a dash means and how to avoid it, if there is one."""
    if None not in rates:
        return ""
    return "\n-: a larger run took no longer than a small one; take more images, or --repeats.\n"


def report_rates(
    title: str,
    rates: Mapping[str, Sequence[Rate]],
    compared: Mapping[str, str],
    repeats: int,
) -> dict[str, Any]:
    """Print a table of contenders, and give the figures for JSON.

    Args:
        title: heading of the table.
        rates: the rates that each contender reached, by its name.
        compared: for each column of ratios, the contender that it compares with.
        repeats: how often all ran.
    """
    medians = {name: median_rate([one.steady for one in some]) for name, some in rates.items()}
    rows = []
    for name, some in rates.items():
        whole = [one.whole for one in some if one.whole is not None]
        gpu = [one.busy.gpu for one in some if one.busy.gpu is not None]
        rows.append(
            [
                name,
                rate_cell(medians[name]),
                *(
                    ratio_cell(medians[name], medians[other]) if other in medians else ""
                    for other in compared.values()
                ),
                f"{median(whole):.0f}" if whole else "",
                f"{median(one.busy.cpu for one in some):.0%}",
                f"{median(gpu):.0%}" if gpu else "",
            ]
        )
    print(f"## {title}\n")
    header = ["what", "images/s", *compared, "whole run", "CPU busy", "GPU busy"]
    print(measure.table(header, rows))
    print(noise_note(list(medians.values())), end="")
    print(f"\nIn turn, medians of {repeats}.\n", flush=True)
    return {name: [one.figures() for one in some] for name, some in rates.items()}
