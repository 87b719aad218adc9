"""Measure how quickly a GPU is fed, by rendering on it or by the cache, against its own pace.

Usage: python benchmarks/gpu.py [SOURCE] [--models resnet50:bf16,vgg16:bf16] [--images N] ...
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measure
import timm_way
from passes import (
    Case,
    cases,
    clean_source,
    forward_rate,
    machine,
    n_computed,
    parse_models,
    parsed,
    pass_seconds,
    quick,
    shared_settings,
    timm_seconds,
)
from photographs import Photographs
from rates import Rate, rate_cell, report_rates, steady_rate
from watching import Busy, busy

from imagenetq.builder import build, open_source
from imagenetq.evaluate import Settings
from imagenetq.specification import variants

FORWARD = "forward only"
ON_DEVICE = "--render gpu, 41 variants"
ALL = "--render gpu, all 52"
JPEG2000 = "--render gpu, JPEG 2000"
CACHED = "--cache, second model"
TIMM = "timm's way, stored files"

_FRACTION = 8
"""A run on one part in so many of the photographs shows what starting takes."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    facts = machine(options.device)
    measure.report(options, facts, lambda scratch: Bench(options, scratch).run())


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = measure.parser(__doc__)
    measure.add_source(parser)
    parser.add_argument("--models", type=parse_models, default="resnet50:bf16,vgg16:bf16")
    parser.add_argument("--photos", type=int, default=200, help="different photographs")
    parser.add_argument(
        "--images", type=int, default=1600, help="photographs rendered on the device"
    )
    parser.add_argument("--all-images", type=int, default=0, help="the same with JPEG 2000")
    parser.add_argument("--jpeg2000-images", type=int, default=0, help="in JPEG 2000 alone")
    parser.add_argument("--cached-images", type=int, default=1600)
    parser.add_argument("--timm-images", type=int, default=200, help="stored, in all variants")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=[100, 1000, 10_000],
        help="what a photograph costs at each",
    )
    parser.add_argument("--whole", type=int, nargs="*", default=[], help="sizes in all variants")
    return parsed(parser)


class Bench:
    """Photographs, and models to evaluate on them.

    Args:
        options: the command line's.
        scratch: an empty folder.
    """

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.options = options
        self.scratch = scratch
        self.photographs = Photographs(open_source(options.source), options.photos, scratch)
        self.cases = cases(options, scratch)
        self.files = scratch / "files"
        if options.timm_images:
            folder = self.photographs.named(options.timm_images)
            build(open_source(folder), scratch / "q", workers=options.workers, allow_short=True)
            self.n_files = timm_way.unpack(scratch / "q", self.files)

    def run(self) -> dict[str, Any]:
        """Measure all cases, print their tables, and give the figures."""
        print("# Feeding a GPU\n")
        figures: dict[str, Any] = {case.name: self.case(case) for case in self.cases}
        if self.options.sizes:
            figures["sizes"] = self.sizes(self.options.sizes, quick())
        if self.options.whole:
            figures["whole"] = self.sizes(self.options.whole, None)
        return figures

    def case(self, case: Case) -> dict[str, Any]:
        """Measure all contenders in turn, several times."""
        options = self.options
        contenders: dict[str, Callable[[], Rate]] = {FORWARD: lambda: forward_rate(case, options)}
        if options.images:
            contenders[ON_DEVICE] = lambda: self.rate(case, options.images, quick())
        if options.all_images:
            contenders[ALL] = lambda: self.rate(case, options.all_images, None)
        if options.jpeg2000_images:
            names = [v.name for v in variants() if v.distortion == "jpeg2000"]
            only = ["clean", *names]
            contenders[JPEG2000] = lambda: self.rate(case, options.jpeg2000_images, only)
        if options.cached_images:
            contenders[CACHED] = lambda: self.cached(case)
        if options.timm_images:
            contenders[TIMM] = lambda: self.timm(case)
        rates: defaultdict[str, list[Rate]] = defaultdict(list)
        for _ in range(options.repeats):
            for name, run in contenders.items():
                rates[name].append(run())
                last = rate_cell(rates[name][-1].steady)
                measure.log(f"{case.name}: {name}: {last} images/s")
        compared = {"of forward": FORWARD, "times timm's way": TIMM}
        return report_rates(case.name, rates, compared, options.repeats)

    def rate(
        self, case: Case, n_images: int, only: Sequence[str] | None, cache: Path | None = None
    ) -> Rate:
        """Measure images/s of evaluating, from two sizes of the same data."""
        n_variants = n_computed(only)
        few = max(1, n_images // _FRACTION)
        small, _ = self.seconds(case, few, only, cache)
        large, meanwhile = self.seconds(case, n_images, only, cache)
        return Rate(steady_rate((n_images - few) * n_variants, small, large), meanwhile)

    def seconds(
        self, case: Case, n_images: int, only: Sequence[str] | None, cache: Path | None
    ) -> tuple[float, Busy]:
        """Measure how long the main pass over `n_images` photographs takes."""
        settings = Settings(
            only=only,
            render="gpu",
            cache=cache,
            **shared_settings(self.options, case.precision),
        )
        data = clean_source(self.photographs.named(n_images), self.scratch)
        with busy() as meanwhile:
            took = pass_seconds([case.model], data, settings, self.scratch)
        return took, meanwhile

    def cached(self, case: Case) -> Rate:
        """Measure images/s where a model with the same preprocessing was evaluated before."""
        cache = self.scratch / "cache"
        n_images = self.options.cached_images
        if not cache.is_dir():
            for size in (max(1, n_images // _FRACTION), n_images):
                took, _ = self.seconds(case, size, quick(), cache)
                measure.log(f"filled a cache with {size} photographs in {took:.1f} s")
        return self.rate(case, n_images, quick(), cache)

    def timm(self, case: Case) -> Rate:
        """Measure timm's way, from stored files."""
        few = self.n_files // _FRACTION
        with busy() as meanwhile:
            small, large = (
                timm_seconds(case, self.files, self.options, n) for n in (few, self.n_files)
            )
        return Rate(steady_rate(self.n_files - few, small, large), meanwhile)

    def sizes(self, sizes: Sequence[int], only: Sequence[str] | None) -> dict[int, float]:
        """Measure the seconds of the main pass by the number of photographs, and what one takes."""
        case = self.cases[0]
        took = {n: self.seconds(case, n, only, None)[0] for n in sizes}
        n_variants = len(variants()) if only is None else len(only)
        print(f"## {case.name}: the main pass, {n_variants} variants a photograph\n")
        rows = [[str(n), f"{s:.1f}", f"{s / n * 1000:.2f}"] for n, s in took.items()]
        print(measure.table(["photographs", "s", "ms a photograph"], rows), "\n", flush=True)
        return took


if __name__ == "__main__":
    main()
