"""Find what holds an evaluation up: what the host does meanwhile, and what the GPU computes.

Usage: python benchmarks/hot_spots.py [SOURCE] [--models alexnet:bf16] [--images N] [--all] ...
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import measure
from passes import (
    Case,
    cases,
    clean_source,
    machine,
    n_computed,
    parse_models,
    parsed,
    pass_seconds,
    quick,
    shared_settings,
)
from photographs import Photographs
from torch.profiler import ProfilerActivity, profile

from imagenetq.builder import open_source
from imagenetq.evaluate import Settings

_INTERVAL = 0.001
_ROWS = 25


def main() -> None:
    """Measure and print."""
    parser = measure.parser(__doc__)
    measure.add_source(parser)
    parser.add_argument("--models", type=parse_models, default="alexnet:bf16")
    parser.add_argument("--photos", type=int, default=200, help="different photographs")
    parser.add_argument("--images", type=int, default=1600, help="photographs")
    parser.add_argument("--all", action="store_true", help="JPEG 2000, too")
    options = parsed(parser)
    measure.report(options, machine(options.device), lambda scratch: run(options, scratch))


def run(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Sample a pass of each model, print what was seen, and give the shares."""
    photographs = Photographs(open_source(options.source), options.photos, scratch)
    return {
        case.name: _case(case, options, photographs, scratch) for case in cases(options, scratch)
    }


def _case(
    case: Case, options: argparse.Namespace, photographs: Photographs, scratch: Path
) -> dict[str, Any]:
    only = None if options.all else quick()
    settings = Settings(only=only, render="gpu", **shared_settings(options, case.precision))

    def seconds(n_images: int) -> float:
        data = clean_source(photographs.named(n_images), scratch)
        return pass_seconds([case.model], data, settings, scratch)

    # Kernels are compiled before the clock starts.
    few = max(1, options.images // 8)
    seconds(few)
    seen: Counter[tuple[str, str]] = Counter()
    with sampled(seen):
        took = seconds(options.images)
    rate = options.images * n_computed(only) / took
    print(f"## {case.name}: {rate:.0f} images/s of the whole pass, while it was sampled\n")
    shares = _host_table(seen)
    computing = ProfilerActivity.CUDA if options.device.type == "cuda" else ProfilerActivity.CPU
    with profile(activities=[computing], acc_events=True) as profiled:
        seconds(few)
    kernels = _kernel_table(profiled, few * n_computed(only))
    return {"rate": rate, "host": shares, "kernels": kernels}


@contextmanager
def sampled(seen: Counter[tuple[str, str]]) -> Iterator[None]:
    """Note every millisecond where each thread of this process is, until the end of the block."""
    done = threading.Event()
    own = {}

    def sample() -> None:
        own["id"] = threading.get_ident()
        while not done.is_set():
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if ident != own["id"]:
                    seen[names.get(ident, "unknown"), _place(frame)] += 1
            time.sleep(_INTERVAL)

    sampler = threading.Thread(target=sample, name="sampler", daemon=True)
    sampler.start()
    try:
        yield
    finally:
        done.set()
        sampler.join()


def _place(frame: FrameType | None) -> str:
    """Name the innermost line of ours, and the function that it has called."""
    called = None if frame is None else frame.f_code.co_name
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith("imagenetq."):
            own = frame.f_code.co_name
            suffix = "" if called == own else f" > {called}"
            return f"{module.removeprefix('imagenetq.')}:{frame.f_lineno} {own}{suffix}"
        frame = frame.f_back
    return f"elsewhere > {called}"


def _host_table(seen: Counter[tuple[str, str]]) -> dict[str, float]:
    """Print where the main thread was, and where other threads were when they did not wait."""
    total = sum(n for (thread, _), n in seen.items() if thread == "MainThread")
    main = [(place, n) for (thread, place), n in seen.most_common() if thread == "MainThread"]
    rows = [[place, f"{n / total:.1%}"] for place, n in main[:_ROWS]]
    print(measure.table(["line", "of the main thread's samples"], rows), "\n")
    others: Counter[str] = Counter()
    for (thread, place), n in seen.items():
        if thread != "MainThread" and not place.startswith("elsewhere"):
            others[f"{thread.partition('-')[0]}: {place}"] += n
    rows = [[place, f"{n / total:.1%}"] for place, n in others.most_common(8)]
    print(measure.table(["line", "of as many samples, other threads"], rows), "\n")
    return {place: n / total for place, n in main[:100]}


def _kernel_table(profiled: Any, n_images: int) -> dict[str, float]:
    events = [one for one in profiled.key_averages() if one.self_device_time_total > 0]
    events.sort(key=lambda one: -one.self_device_time_total)
    rows = [
        [one.key[:70], str(one.count), f"{one.self_device_time_total / n_images:.2f}"]
        for one in events[:_ROWS]
    ]
    total = sum(one.self_device_time_total for one in events) / n_images
    rows.append(["all", str(sum(one.count for one in events)), f"{total:.2f}"])
    print(measure.table(["kernel", "started", "microseconds an image"], rows), "\n", flush=True)
    return {one.key[:70]: one.self_device_time_total / n_images for one in events}


if __name__ == "__main__":
    main()
