"""Measure how quickly a GPU is fed, by rendering on it or by the cache, against its own pace.

Usage: python benchmarks/gpu.py [SOURCE] [--models resnet50:bf16,vgg16:bf16] [--images N] ...
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import measure
import timm_way
from ceilings import forward_only
from passes import (
    Case,
    machine,
    n_computed,
    parse_models,
    parsed,
    pass_seconds,
    quick,
    random_model,
    shared_settings,
    timm_seconds,
)
from photographs import Photographs
from watching import Busy, busy

from imagenetq import ImagenetqError
from imagenetq.builder import build, open_source
from imagenetq.evaluate import CleanSource, Settings
from imagenetq.specification import variants

FORWARD = "forward only"
ON_DEVICE = "--render gpu, 41 variants"
ALL = "--render gpu, all 52"
JPEG2000 = "--render gpu, JPEG 2000"
CACHED = "--cache, second model"
TIMM = "timm's way, stored files"

_FRACTION = 8
"""A run on one part in so many of the images shows what starting takes."""


@dataclass(frozen=True)
class Rate:
    """The rate of a contender: images/s without what starting takes, and how busy all was."""

    steady: float
    busy: Busy


def main() -> None:
    """Measure and print."""
    options = parse_options()
    facts = machine(options.device)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="imagenetq-bench-") as scratch:
        try:
            bench = Bench(options, Path(scratch))
            print("# Feeding a GPU\n")
            for case in bench.cases:
                figures[case.name] = bench.case(case)
            if options.sizes:
                figures["sizes"] = bench.sizes(options.sizes, quick())
            if options.whole:
                figures["whole"] = bench.sizes(options.whole, None)
        except ImagenetqError as error:
            raise SystemExit(str(error)) from None
    print(measure.machine_lines(facts))
    measure.save_json(options.json, {"machine": facts, **figures})


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", nargs="?", default="sample", help="as for `imagenetq build`")
    parser.add_argument("--models", type=parse_models, default="resnet50:bf16,vgg16:bf16")
    parser.add_argument("--photos", type=int, default=200, help="different photographs")
    parser.add_argument("--images", type=int, default=1600, help="rendered on the device")
    parser.add_argument("--all-images", type=int, default=0, help="the same with JPEG 2000")
    parser.add_argument("--jpeg2000-images", type=int, default=0, help="in JPEG 2000 alone")
    parser.add_argument("--cached-images", type=int, default=1600)
    parser.add_argument("--timm-images", type=int, default=200, help="stored, in all variants")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=[100, 1000, 10_000],
        help="what an image costs at each",
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
        self.cases = [
            Case(random_model(name, scratch), precision) for name, precision in options.models
        ]
        self.files = scratch / "files"
        if options.timm_images:
            folder = self.photographs.named(options.timm_images)
            build(open_source(folder), scratch / "q", workers=options.workers, allow_short=True)
            self.n_files = timm_way.unpack(scratch / "q", self.files)

    def case(self, case: Case) -> dict[str, Any]:
        """Measure all contenders in turn, several times."""
        options = self.options
        contenders: dict[str, Callable[[], Rate]] = {FORWARD: lambda: self.forward(case)}
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
                measure.log(f"{case.name}: {name}: {rates[name][-1].steady:.0f} images/s")
        return _report(case.name, rates, options.repeats)

    def forward(self, case: Case) -> Rate:
        """Measure the network alone, on inputs that are there."""
        options = self.options
        with busy() as meanwhile:
            steady = forward_only(
                *(case.model, case.precision),
                *(options.device, options.batch_size, options.forward_seconds),
            )
        return Rate(steady, meanwhile)

    def rate(
        self, case: Case, n_images: int, only: Sequence[str] | None, cache: Path | None = None
    ) -> Rate:
        """Measure images/s of evaluating, from two sizes of the same data."""
        n_variants = n_computed(only)
        few = max(1, n_images // _FRACTION)
        short, _ = self.seconds(case, few, only, cache)
        long, meanwhile = self.seconds(case, n_images, only, cache)
        return Rate((n_images - few) * n_variants / (long - short), meanwhile)

    def seconds(
        self, case: Case, n_images: int, only: Sequence[str] | None, cache: Path | None
    ) -> tuple[float, Busy]:
        """Measure how long the main pass over `n_images` images takes."""
        settings = Settings(
            only=only,
            render="gpu",
            cache=cache,
            **shared_settings(self.options, case.precision),
        )
        data = CleanSource(
            open_source(self.photographs.named(n_images)),
            originals=self.scratch,
            allow_short=True,
        )
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
                measure.log(f"filled a cache with {size} images in {took:.1f} s")
        return self.rate(case, n_images, quick(), cache)

    def timm(self, case: Case) -> Rate:
        """Measure timm's way, from stored files."""
        few = self.n_files // _FRACTION
        with busy() as meanwhile:
            short, long = (
                timm_seconds(case, self.files, self.options, n) for n in (few, self.n_files)
            )
        return Rate((self.n_files - few) / (long - short), meanwhile)

    def sizes(self, sizes: Sequence[int], only: Sequence[str] | None) -> dict[int, float]:
        """Measure the seconds of the main pass by the number of images, and what an image takes."""
        case = self.cases[0]
        took = {n: self.seconds(case, n, only, None)[0] for n in sizes}
        n_variants = len(variants()) if only is None else len(only)
        print(f"## {case.name}: the main pass, {n_variants} variants an image\n")
        rows = [[str(n), f"{s:.1f}", f"{s / n * 1000:.2f}"] for n, s in took.items()]
        print(measure.table(["images", "s", "ms an image"], rows), "\n", flush=True)
        return took


def _report(case: str, rates: dict[str, list[Rate]], repeats: int) -> dict[str, Any]:
    medians = {name: median(rate.steady for rate in some) for name, some in rates.items()}
    rows = []
    for name, some in rates.items():
        gpu = [rate.busy.gpu for rate in some if rate.busy.gpu is not None]
        rows.append(
            [
                name,
                f"{medians[name]:.0f}",
                f"{medians[name] / medians[FORWARD]:.2f}",
                f"{medians[name] / medians[TIMM]:.1f}" if TIMM in medians else "",
                f"{median(rate.busy.cpu for rate in some):.0%}",
                f"{median(gpu):.0%}" if gpu else "",
            ]
        )
    print(f"## {case}\n")
    header = ["what", "images/s", "of forward", "times timm's way", "CPU busy", "GPU busy"]
    print(measure.table(header, rows))
    print(f"\nIn turn, medians of {repeats}.\n", flush=True)
    return {name: [rate.steady for rate in some] for name, some in rates.items()}


if __name__ == "__main__":
    main()
