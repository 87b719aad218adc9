"""Measure how quickly models are evaluated, against timm, the cores alone and the device alone.

Usage: python benchmarks/evaluation.py [SOURCE] [--models resnet50:bf16,vgg16:fp32] ...
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import measure
import timm_way
from ceilings import cores_only, forward_only
from passes import (
    Case,
    machine,
    parse_models,
    parsed,
    pass_seconds,
    random_model,
    shared_settings,
    timm_seconds,
)
from photographs import Photographs
from watching import Busy, busy

from imagenetq import ImagenetqError
from imagenetq.builder import build, open_source
from imagenetq.evaluate import Settings, open_data
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.data.clean_source import CleanSource
from imagenetq.evaluate.device import Precision
from imagenetq.evaluate.models import Model
from imagenetq.specification import CLEAN

FORWARD, CORES = "forward only", "cores only: decode, resize"
STORED, RENDERED, TIMM = (
    "eval --data, stored",
    "eval --source --render cpu",
    "timm's way, stored files",
)
CONTENDERS = (FORWARD, CORES, STORED, RENDERED, TIMM)

PARTS = ("models", "together", "slow")

EASY = "jpeg"
"""Distortion whose variants are quick to decode, so that a slow network is the bottleneck."""

_SMALL = 1
"""Number of images in the run that shows what starting takes."""


@dataclass(frozen=True)
class Rate:
    """The rate that a contender reached."""

    steady: float
    """Images/s without what starting takes."""

    whole: float | None
    """Images/s of the whole run, everything included; None where nothing starts."""

    busy: Busy
    """How busy the machine was meanwhile."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    facts = machine(options.device)
    with tempfile.TemporaryDirectory(prefix="imagenetq-bench-") as scratch:
        try:
            bench = Bench(options, Path(scratch))
            figures = bench.run()
        except ImagenetqError as error:
            raise SystemExit(str(error)) from None
    print(measure.machine_lines(facts))
    measure.save_json(options.json, {"machine": facts, **figures})


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", nargs="?", default="sample", help="as for `imagenetq build`")
    parser.add_argument(
        "--models",
        type=parse_models,
        default="resnet50:bf16,vit_b_16:bf16,vgg16:bf16",
        help="torchvision's, with random weights, of one precision; the first one meets all "
        "contenders --repeats times, the others stored shards and timm's way once",
    )
    parser.add_argument(
        "--slow", type=parse_models, default="vgg16:fp32", help="a network slower than the cores"
    )
    parser.add_argument("--images", type=int, default=240, help="in all variants")
    parser.add_argument(
        "--only", type=lambda text: [CLEAN, *text.split(",")], help="variants instead of all"
    )
    parser.add_argument("--easy-images", type=int, default=3000, help=f"in {EASY} only")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parsed(parser)
    options.slow = options.slow[0]
    if options.images <= _SMALL:
        parser.error(f"--images must be more than {_SMALL}")
    return options


class Bench:
    """A dataset, its unpacked files, its photographs, and models.

    Args:
        options: the command line's.
        scratch: an empty folder.
    """

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.options = options
        self.scratch = scratch
        self.photographs = Photographs(open_source(options.source), options.images, scratch)
        self.dataset = self.built(options.images, options.only)
        self.files = scratch / "files"
        self.n_rows = timm_way.unpack(self.dataset, self.files)
        self.cases = [
            Case(random_model(name, scratch), precision) for name, precision in options.models
        ]

    def built(self, n_images: int, only: Sequence[str] | None) -> Path:
        """Build a dataset of `n_images` images."""
        measure.log(f"building {n_images} images from {len(self.photographs)} photographs")
        source = open_source(self.photographs.named(n_images))
        out = self.scratch / f"dataset-{n_images}"
        build(source, out, only=only, workers=self.options.workers, allow_short=True)
        return out

    def run(self) -> dict[str, Any]:
        """Measure all cases, print their tables, and give the figures."""
        print("# Evaluating\n")
        parts = self.options.parts
        figures: dict[str, Any] = {"images": self.options.images, "rows": self.n_rows}
        if "models" in parts:
            first, *others = self.cases
            figures[first.name] = self.case(first, CONTENDERS, self.options.repeats)
            for case in others:
                figures[case.name] = self.case(case, (FORWARD, STORED, TIMM), 1)
        if "together" in parts:
            figures["together"] = self.together()
        if "slow" in parts:
            figures["slow"] = self.slow()
        return figures

    def case(self, case: Case, contenders: Sequence[str], repeats: int) -> dict[str, Any]:
        """Measure all contenders in turn, several times."""
        started = {
            name: self.seconds(name, case, _SMALL)[0]
            for name in contenders
            if name not in (FORWARD, CORES)
        }
        rates: defaultdict[str, list[Rate]] = defaultdict(list)
        for _ in range(repeats):
            for name in contenders:
                rate = self.rate(name, case, started.get(name))
                measure.log(f"{case.name}: {name}: {rate.steady:.0f} images/s")
                rates[name].append(rate)
        return _report(case.name, rates, self.n_rows, repeats)

    def rate(self, name: str, case: Case, started: float | None) -> Rate:
        """Measure one contender once; `started` is what its small run took."""
        if name == FORWARD:
            with busy() as meanwhile:
                steady = self.alone(case)
            return Rate(steady, None, meanwhile)
        if name == CORES:
            with busy() as meanwhile:
                steady = cores_only(self.dataset, case.model.preprocessing, self.options.workers)
            return Rate(steady, None, meanwhile)
        assert started is not None
        took, meanwhile = self.seconds(name, case, None)
        rows = self.n_rows - self.n_rows // self.options.images * _SMALL
        return Rate(rows / (took - started), self.n_rows / took, meanwhile)

    def alone(self, case: Case) -> float:
        """Measure images/s of the network alone."""
        options = self.options
        return forward_only(
            *(case.model, case.precision),
            *(options.device, options.batch_size, options.forward_seconds),
        )

    def seconds(self, name: str, case: Case, n_images: int | None) -> tuple[float, Busy]:
        """Measure how long one contender takes for `n_images` images, all if None."""
        with busy() as meanwhile:
            if name == TIMM:
                n_files = (
                    None if n_images is None else n_images * self.n_rows // self.options.images
                )
                took = timm_seconds(case, self.files, self.options, n_files)
            elif name == STORED:
                took = self.evaluate([case.model], case.precision, n_images)
            else:
                data = CleanSource(
                    open_source(self.photographs.named(self.options.images)),
                    originals=self.scratch,
                    allow_short=True,
                )
                took = self.evaluate([case.model], case.precision, n_images, data)
        return took, meanwhile

    def evaluate(
        self,
        models: Sequence[Model],
        precision: Precision,
        n_images: int | None,
        data: Data | None = None,
    ) -> float:
        """Measure the seconds of one evaluation's main pass."""
        settings = Settings(
            limit=n_images, render="cpu", **shared_settings(self.options, precision)
        )
        return pass_seconds(models, data or open_data(self.dataset), settings, self.scratch)

    def slow(self) -> dict[str, float]:
        """Compare a slow network on images that are quick to decode with the network alone."""
        options = self.options
        name, precision = options.slow
        case = Case(random_model(name, self.scratch), precision)
        dataset = self.built(options.easy_images, [CLEAN, EASY])
        n_rows = options.easy_images * len(open_data(dataset).variants)
        small, large = (
            self.evaluate([case.model], precision, n, open_data(dataset)) for n in (_SMALL, None)
        )
        alone = self.alone(case)
        mine = n_rows / (large - small)
        print(f"## {case.name}, {n_rows} stored images of {EASY} and clean\n")
        rows = [[FORWARD, f"{alone:.0f}", "1.00"], [STORED, f"{mine:.0f}", f"{mine / alone:.2f}"]]
        print(measure.table(["what", "images/s", "of forward"], rows), "\n", flush=True)
        return {FORWARD: alone, STORED: mine}

    def together(self) -> dict[str, float]:
        """Compare all models in one pass with the first one alone."""
        precision = self.cases[0].precision
        models = [case.model for case in self.cases]
        took = {}
        for some in (models[:1], models):
            small, large = (self.evaluate(some, precision, n) for n in (_SMALL, None))
            took[", ".join(model.name for model in some)] = large - small
        first = next(iter(took.values()))
        print("## Several models in one pass\n")
        rows = [[name, f"{s:.1f}", f"{s / first:.2f}"] for name, s in took.items()]
        print(measure.table(["models", "s", "times the first alone"], rows), "\n")
        return took


def _report(case: str, rates: dict[str, list[Rate]], n_rows: int, repeats: int) -> dict[str, Any]:
    medians = {name: median(rate.steady for rate in some) for name, some in rates.items()}
    rows = []
    for name, some in rates.items():
        whole = [rate.whole for rate in some if rate.whole is not None]
        gpu = [rate.busy.gpu for rate in some if rate.busy.gpu is not None]
        rows.append(
            [
                name,
                f"{medians[name]:.0f}",
                f"{medians[name] / medians[FORWARD]:.2f}",
                f"{medians[name] / medians[CORES]:.2f}" if CORES in medians else "",
                f"{median(whole):.0f}" if whole else "",
                f"{median(rate.busy.cpu for rate in some):.0%}",
                f"{median(gpu):.0%}" if gpu else "",
            ]
        )
    print(f"## {case}: {n_rows} stored images\n")
    header = ["what", "images/s", "of forward", "of cores", "whole run", "CPU busy", "GPU busy"]
    print(measure.table(header, rows))
    print(f"\nIn turn, medians of {repeats}.\n", flush=True)
    return {
        name: [
            {
                "steady": rate.steady,
                "whole": rate.whole,
                "cpu": rate.busy.cpu,
                "gpu": rate.busy.gpu,
            }
            for rate in some
        ]
        for name, some in rates.items()
    }


if __name__ == "__main__":
    main()
