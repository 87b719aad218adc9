"""Measure how quickly, in how much memory and into how many bytes a dataset is built.

Usage: python benchmarks/build.py [SOURCE] [--parts codecs memory bytes workers] [--full] ...
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import measure
from measure import Time
from photographs import MOST_PHOTOGRAPHS, Photographs
from watching import peak_memory_of_children

from imagenetq.builder import build, open_source
from imagenetq.builder.building.plan import UNIT
from imagenetq.builder.executors import Reporter, Work
from imagenetq.builder.executors.local import run_units
from imagenetq.decoding import decode, is_jpeg
from imagenetq.manifest import Manifest
from imagenetq.specification import CLEAN, variant

PARTS = ("codecs", "memory", "bytes", "workers")

# Rows of the first table.
_WHOLE = "whole build of these photographs"
_STEADY = f"the same in a dataset of full units ({UNIT} photographs)"
_FLOOR = "codec calls alone"


@dataclass(frozen=True)
class Built:
    """A build that was measured; its folder is removed."""

    workers: int
    time: Time
    """Time from start to manifest."""

    peak_bytes: int
    """Largest resident memory of any one worker process, in bytes."""

    manifest: Manifest

    @property
    def photographs(self) -> int:
        """Number of photographs, each in all variants."""
        return self.manifest.images

    @property
    def variants(self) -> int:
        """Number of variants of each photograph."""
        return len(self.manifest.variants)

    def figures(self) -> dict[str, Any]:
        """Give the figures for JSON."""
        return {
            "images": self.photographs,
            "variants": self.variants,
            "workers": self.workers,
            **asdict(self.time),
            "peak_bytes": self.peak_bytes,
        }


def main() -> None:
    """Measure and print."""
    options = parse_options()
    facts = measure.machine()
    only = None if options.full else tuple(options.only.split(","))

    def run(scratch: Path) -> dict[str, Any]:
        photographs = Photographs(open_source(options.source), options.few, scratch)
        return run_parts(Bench(photographs, scratch, only), options)

    measure.report(options, facts, run)


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = measure.parser(__doc__)
    measure.add_source(parser, "as for `imagenetq build`, but at hand: not hf:")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--images", type=int, default=24, help="for the codecs part")
    parser.add_argument("--repeats", type=int, default=3, help="of the codecs part; medians")
    parser.add_argument(
        "--few", type=int, default=100, help="different photographs, and those of the small builds"
    )
    parser.add_argument(
        "--many", type=int, default=800, help="photographs of the workers part and the large build"
    )
    parser.add_argument(
        "--worker-repeats", type=int, default=1, help="of the workers part; medians"
    )
    parser.add_argument(
        "--only", default="jpeg,contrast", help="variants of the builds with many photographs"
    )
    parser.add_argument("--full", action="store_true", help="all 52 variants there, too")
    options = parser.parse_args()
    if min(options.images, options.repeats, options.worker_repeats, options.few, options.many) < 1:
        parser.error("counts must be 1 or more")
    if max(options.images, options.few, options.many) > MOST_PHOTOGRAPHS:
        parser.error(f"at most {MOST_PHOTOGRAPHS} photographs")
    return options


def run_parts(bench: "Bench", options: argparse.Namespace) -> dict[str, Any]:
    """Measure part by part, and print each as soon as it is known; gives the figures."""
    figures: dict[str, Any] = {}
    parts = set(options.parts)
    print(f"# Building a dataset from {len(bench.photographs)} photographs\n")
    if "codecs" in parts:
        figures["codecs"] = codecs_part(bench, options.images, options.repeats)
    builds = []
    if {"memory", "bytes"} & parts:
        builds.append(bench.build(bench.photographs.named(options.few), workers=1, only=None))
    if "bytes" in parts:
        figures["bytes"] = bytes_part(builds[0])
    if "workers" in parts:
        pairs = workers_part(bench, options.many, options.worker_repeats)
        figures["workers"] = [one.figures() for one in pairs]
        builds += pairs
    elif "memory" in parts:
        builds.append(
            bench.build(bench.photographs.named(options.many), workers=1, only=bench.only)
        )
    if "memory" in parts:
        if bench.only is not None:
            few = bench.photographs.named(options.few)
            builds.insert(1, bench.build(few, workers=1, only=bench.only))
        figures["memory"] = memory_part(builds)
    return figures


class Bench:
    """The builds of this benchmark, which are measured and removed.

    Args:
        photographs: what datasets are built of.
        scratch: an empty folder, for datasets.
        only: variants of the builds with many photographs; all if None.
    """

    def __init__(
        self, photographs: Photographs, scratch: Path, only: tuple[str, ...] | None
    ) -> None:
        self.photographs = photographs
        self.scratch = scratch
        self.only = only

    def build(self, folder: Path, *, workers: int, only: tuple[str, ...] | None) -> Built:
        """Build a dataset of a folder's photographs, measure, and remove it."""
        source = open_source(folder)
        made: list[Manifest] = []
        measure.log(f"building {folder.name}, workers: {workers}, {', '.join(only or ['all'])}")
        with (
            tempfile.TemporaryDirectory(dir=self.scratch) as out,
            peak_memory_of_children() as peaks,
        ):
            took = measure.timed(
                lambda: made.append(
                    build(source, Path(out), only=only, workers=workers, allow_short=True)
                )
            )
        return Built(workers, took, max(peaks.values(), default=0), made[0])


def codecs_part(bench: Bench, n: int, repeats: int) -> dict[str, Any]:
    """Compare whole builds with nothing but their codec calls, in turn.

    A few photographs make the fixed costs look larger than they are in a dataset of full units. So
    these costs are measured by a build of next to no pixels, and shared out as in such a dataset.
    """
    folder, speck = bench.photographs.named(n), bench.photographs.speck()
    builds: defaultdict[str, list[Time]] = defaultdict(list)
    codecs: defaultdict[str, list[Time]] = defaultdict(list)
    bench.build(speck, workers=1, only=(CLEAN,))  # The first build imports the libraries here.
    for _ in range(repeats):
        builds["start"].append(bench.build(speck, workers=1, only=(CLEAN,)).time)
        builds["start and files"].append(bench.build(speck, workers=1, only=None).time)
        builds["whole"].append(bench.build(folder, workers=1, only=None).time)
        measure.log(f"the codec calls of {n} photographs alone")
        for name, took in codec_times(folder).items():
            codecs[name].append(took)
    wall = _shares(builds, codecs, n, "wall")
    cpu = _shares(builds, codecs, n, "cpu")
    print(f"## A whole build against its codec calls: {n} photographs, 52 variants, one worker\n")
    print(
        measure.table(
            ["what", "wall, ms", "times the codec calls", "CPU, ms", "times the codec calls"],
            [
                [
                    name,
                    *(
                        text
                        for shares in (wall, cpu)
                        for text in (
                            f"{1000 * shares[name]:.1f}",
                            f"{shares[name] / shares[_FLOOR]:.2f}",
                        )
                    ),
                ]
                for name in wall
            ],
        )
    )
    print(f"\nA photograph; in turn, medians of {repeats}.\n")
    return {
        "images": n,
        "builds": {name: [asdict(took) for took in laps] for name, laps in builds.items()},
        "codecs": {name: [asdict(took) for took in laps] for name, laps in codecs.items()},
        "wall_ratio": wall[_WHOLE] / wall[_FLOOR],
        "wall_ratio_in_full_units": wall[_STEADY] / wall[_FLOOR],
        "cpu_ratio": cpu[_WHOLE] / cpu[_FLOOR],
        "cpu_ratio_in_full_units": cpu[_STEADY] / cpu[_FLOOR],
    }


def _shares(
    builds: dict[str, list[Time]], codecs: dict[str, list[Time]], n: int, clock: str
) -> dict[str, float]:
    """Compute the rows of the table, in seconds for each photograph by one of the two clocks."""
    start, start_and_files, whole = (
        median(getattr(took, clock) for took in laps) for laps in builds.values()
    )
    by_call = {
        name: median(getattr(took, clock) for took in laps) / n for name, laps in codecs.items()
    }
    return {
        _WHOLE: whole / n,
        _STEADY: (whole - start_and_files) / n + (start_and_files - start) / UNIT,
        _FLOOR: sum(by_call.values()),
        **by_call,
        "starting a worker, once a build": start / n,
        "the files of a unit": (start_and_files - start) / n,
    }


def codec_times(folder: Path) -> dict[str, Time]:
    """Time a folder's codec calls, in a worker process as the builder starts it."""
    (times,) = run_units(Work(time_codecs, folder, [None], 1, lambda _: None))
    return times


def time_codecs(folder: Path, _unit: None, _reporter: Reporter) -> dict[str, Time]:
    """Time, in the worker, each kind of codec call, summed over the photographs."""
    source = open_source(folder)
    images = source.images()
    clean_is_webp = not all(is_jpeg(source.read(image)) for image in images)
    total: defaultdict[str, Time] = defaultdict(lambda: Time(0.0, 0.0))
    for image in images:
        original = source.read(image)
        pixels = decode(original, image.name)
        calls = measure.codec_calls(original, pixels, clean_is_webp=clean_is_webp)
        for name, call in calls.items():
            total[name] += measure.timed(call)
    return dict(total)


def memory_part(builds: Sequence[Built]) -> list[dict[str, Any]]:
    """Print the peak memory of a worker, which should not grow with their number."""
    print("## Peak memory of a worker\n")
    rows = [
        [str(one.photographs), str(one.variants), str(one.workers), f"{one.peak_bytes / 2**20:.0f}"]
        for one in builds
    ]
    print(measure.table(["photographs", "variants", "workers", "MiB"], rows))
    print("\nResident memory of the largest worker process, Python and libraries included.\n")
    return [one.figures() for one in builds]


def bytes_part(built: Built) -> dict[str, Any]:
    """Print how large the stored images are."""
    per_photograph: defaultdict[str, float] = defaultdict(float)
    n_variants: defaultdict[str, int] = defaultdict(int)
    for name, summary in built.manifest.variants.items():
        distortion = variant(name).distortion
        per_photograph[distortion] += summary.image_bytes / built.photographs
        n_variants[distortion] += 1
    stored = sum(per_photograph.values())
    shards = sum(shard.bytes for shard in built.manifest.shards) / built.photographs
    sizes = [
        *((name, n_variants[name], size) for name, size in per_photograph.items()),
        ("all", sum(n_variants.values()), stored),
        ("all, with the shards' own columns", sum(n_variants.values()), shards),
    ]
    print(f"## Bytes: mean of {built.photographs} photographs\n")
    rows = [
        [name, str(n), f"{size / 1000:.1f}", f"{size * MOST_PHOTOGRAPHS / 1e9:.2f}"]
        for name, n, size in sizes
    ]
    print(
        measure.table(
            ["distortion", "variants", "kB a photograph", "GB for 10,000 photographs"], rows
        ),
        "\n",
    )
    return {"images": built.photographs, "bytes_per_image": dict(per_photograph), "shards": shards}


def workers_part(bench: Bench, n: int, repeats: int) -> list[Built]:
    """Compare two workers with one, in turn."""
    folder = bench.photographs.named(n)
    builds = [
        bench.build(folder, workers=workers, only=bench.only)
        for _ in range(repeats)
        for workers in (1, 2)
    ]
    wall, cpu = (
        {
            workers: median(getattr(one.time, clock) for one in builds if one.workers == workers)
            for workers in (1, 2)
        }
        for clock in ("wall", "cpu")
    )
    print(f"## Two workers against one: {n} photographs, {builds[0].variants} variants\n")
    rows = [
        [
            str(workers),
            f"{wall[workers]:.1f}",
            f"{cpu[workers]:.1f}",
            f"{cpu[workers] / wall[workers]:.2f}",
            f"{n / wall[workers]:.2f}",
            f"{wall[1] / wall[workers]:.2f}",
        ]
        for workers in (1, 2)
    ]
    header = ["workers", "wall, s", "CPU, s", "cores had", "photographs/s", "speed-up"]
    print(measure.table(header, rows))
    print(
        f"\nIn turn, medians of {repeats}; a unit of work is {UNIT} photographs, so fewer than "
        f"{2 * UNIT} cannot be shared evenly.\n"
    )
    return builds


if __name__ == "__main__":
    main()
