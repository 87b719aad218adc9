"""Measure how quickly models are evaluated, against timm, the cores alone and the device alone.

Usage: python benchmarks/evaluation.py [SOURCE] [--models resnet50:bf16,vgg16:fp32] ...
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measure
import timm_way
from ceilings import cores_only
from passes import (
    Case,
    cases,
    clean_source,
    forward_rate,
    machine,
    parse_models,
    parsed,
    pass_seconds,
    random_model,
    shared_settings,
    timm_seconds,
)
from photographs import Photographs
from rates import Rate, noise_note, rate_cell, ratio_cell, report_rates, steady_rate
from watching import Busy, busy

from imagenetq.builder import build, open_source
from imagenetq.evaluate import Settings, open_data
from imagenetq.evaluate.data.base import Data
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
"""Number of photographs in the run that shows what starting takes."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    facts = machine(options.device)
    measure.report(options, facts, lambda scratch: Bench(options, scratch).run())


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = measure.parser(__doc__)
    measure.add_source(parser)
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
    parser.add_argument("--images", type=int, default=240, help="photographs in all variants")
    parser.add_argument(
        "--only", type=lambda text: [CLEAN, *text.split(",")], help="variants instead of all"
    )
    parser.add_argument("--easy-images", type=int, default=3000, help=f"photographs in {EASY} only")
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
        self.cases = cases(options, scratch)

    def built(self, n_images: int, only: Sequence[str] | None) -> Path:
        """Build a dataset of `n_images` photographs."""
        measure.log(f"building {n_images} photographs from {len(self.photographs)}")
        source = open_source(self.photographs.named(n_images))
        out = Path(tempfile.mkdtemp(dir=self.scratch)) / "dataset"
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
                measure.log(f"{case.name}: {name}: {rate_cell(rate.steady)} images/s")
                rates[name].append(rate)
        compared = {"of forward": FORWARD, "of cores": CORES}
        return report_rates(f"{case.name}: {self.n_rows} stored images", rates, compared, repeats)

    def rate(self, name: str, case: Case, started: float | None) -> Rate:
        """Measure one contender once; `started` is what its small run took."""
        if name == FORWARD:
            return forward_rate(case, self.options)
        if name == CORES:
            with busy() as meanwhile:
                steady = cores_only(self.dataset, case.model.preprocessing, self.options.workers)
            return Rate(steady, meanwhile)
        assert started is not None
        took, meanwhile = self.seconds(name, case, None)
        rows = self.n_rows - self.n_rows // self.options.images * _SMALL
        return Rate(steady_rate(rows, started, took), meanwhile, whole=self.n_rows / took)

    def seconds(self, name: str, case: Case, n_images: int | None) -> tuple[float, Busy]:
        """Measure how long one contender takes for `n_images` photographs, all if None."""
        with busy() as meanwhile:
            if name == TIMM:
                n_files = (
                    None if n_images is None else n_images * self.n_rows // self.options.images
                )
                took = timm_seconds(case, self.files, self.options, n_files)
            elif name == STORED:
                took = self.evaluate([case.model], case.precision, n_images)
            else:
                data = clean_source(self.photographs.named(self.options.images), self.scratch)
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

    def slow(self) -> dict[str, float | None]:
        """Compare a slow network on images that are quick to decode with the network alone."""
        options = self.options
        name, precision = options.slow
        case = Case(random_model(name, self.scratch), precision)
        dataset = self.built(options.easy_images, [CLEAN, EASY])
        n_variants = len(open_data(dataset).variants)
        n_rows = options.easy_images * n_variants
        small, large = (
            self.evaluate([case.model], precision, n, open_data(dataset)) for n in (_SMALL, None)
        )
        alone = forward_rate(case, options).steady
        rates = {FORWARD: alone, STORED: steady_rate(n_rows - n_variants * _SMALL, small, large)}
        print(f"## {case.name}, {n_rows} stored images of {EASY} and clean\n")
        rows = [[name, rate_cell(rate), ratio_cell(rate, alone)] for name, rate in rates.items()]
        print(measure.table(["what", "images/s", "of forward"], rows))
        print(noise_note(list(rates.values())), flush=True)
        return rates

    def together(self) -> dict[str, float | None]:
        """Compare all models in one pass with the first one alone."""
        precision = self.cases[0].precision
        models = [case.model for case in self.cases]
        took: dict[str, float | None] = {}
        for some in (models[:1], models):
            small, large = (self.evaluate(some, precision, n) for n in (_SMALL, None))
            took[", ".join(model.name for model in some)] = large - small if large > small else None
        first = next(iter(took.values()))
        print("## Several models in one pass\n")
        rows = [
            [name, "-" if s is None else f"{s:.1f}", ratio_cell(s, first)]
            for name, s in took.items()
        ]
        print(measure.table(["models", "s", "times the first alone"], rows))
        print(noise_note(list(took.values())))
        return took


if __name__ == "__main__":
    main()
