"""Measure what building on a Ray cluster or in shares costs, against one process's workers.

Usage: python benchmarks/executors.py [SOURCE] [--images N] [--repeats R] ...
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import measure
import ray
from photographs import Photographs

from imagenetq.builder import open_source
from imagenetq.manifest import read_manifest

_LOCAL = "2 local workers"
_WAYS = (
    _LOCAL,
    "2 tasks of a Ray cluster that runs",
    "the same, the cluster started for it",
    "2 shares at once, 1 worker each",
    "... and the build that completes them",
)


def main() -> None:
    """Measure and print."""
    parser = measure.parser(__doc__)
    measure.add_source(parser, "at hand: not hf:")
    parser.add_argument("--images", type=int, default=400, help="photographs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="jpeg", help="variants")
    options = parser.parse_args()
    facts = measure.machine()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    measure.report(options, facts, lambda scratch: _compare(options, scratch))


def _compare(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    photographs = Photographs(open_source(options.source), options.images, scratch)
    folders = {1: photographs.speck(), options.images: photographs.named(options.images)}
    seconds = {n: _measured(folder, options) for n, folder in folders.items()}
    whole, start = seconds[options.images], seconds[1]
    print(f"# Two units at a time: {options.images} photographs, variants {options.only}\n")
    rows = [
        [
            way,
            f"{median(whole[way]):.1f}",
            f"{median(whole[way]) / median(whole[_LOCAL]):.2f}",
            f"{median(start[way]):.1f}",
        ]
        for way in _WAYS
    ]
    print(measure.table(["way", "wall, s", "times local", "one tiny photograph, s"], rows))
    print(f"\nIn turn, medians of {options.repeats}; all give the same pixel digest.\n")
    return {"seconds": seconds}


def _measured(images: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    """Measure the wall seconds of each way, in turn."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory(dir=images.parent) as scratch:
            command = ["build", str(images), "--allow-short", "--only", options.only]
            outs = [Path(scratch) / name for name in ("local", "running", "started", "shares")]
            two = ["--workers", "2"]
            on_ray = [*command, *two, "--executor", "ray"]
            shares = [[*command, "--workers", "1", "--shard", f"{i}/2"] for i in (1, 2)]
            running = ray.init(
                address="local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR
            ).address_info["gcs_address"]
            laps = (
                _seconds([[*command, *two]], outs[0]),
                _seconds([on_ray], outs[1], RAY_ADDRESS=running),
                _seconds([on_ray], outs[2], RAY_ADDRESS="local"),
                _seconds(shares, outs[3]),
                _seconds([[*command, *two]], outs[3]),
            )
            ray.shutdown()
            for way, lap in zip(_WAYS, laps, strict=True):
                seconds[way].append(lap)
            if len({read_manifest(out).pixel_digest for out in outs}) != 1:
                raise SystemExit("the ways give different pixels")
    return dict(seconds)


def _seconds(commands: list[list[str]], out: Path, **variables: str) -> float:
    """Measure the wall seconds of commands that run at once."""
    executable = Path(sys.executable).with_name("imagenetq")

    def run() -> None:
        processes = [
            subprocess.Popen(
                [executable, *command, "--out", out],
                env={**os.environ, **variables},
                stdout=subprocess.DEVNULL,
            )
            for command in commands
        ]
        if max(process.wait() for process in processes):
            raise SystemExit("a build failed")

    return measure.seconds(run)


if __name__ == "__main__":
    main()
