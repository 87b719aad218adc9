"""Measure how quickly one process streams a variant: from a folder, over HTTP, and from a Hub.

Usage: python benchmarks/streaming.py [SOURCE] [--images N] [--variant V] [--repeats R]

Both servers run on this machine, in processes of their own. So a rate says what reading costs, not
how quick a network is. The Hub is the server of the tests, with which the real clients talk.
"""

import argparse
import io
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

import measure
from photographs import Photographs
from PIL import Image

from imagenetq.builder import build, open_source
from imagenetq.manifest import read_manifest

Rate = dict[str, float]
"""Images per second on the clock (`wall`), and per second of processor time (`cpu`)."""

Figures = dict[str, dict[str, list[Rate]]]
"""Rates of all runs by the place that is read, then by whether images are stored or decoded."""

_TESTS = Path(__file__).parents[1] / "tests" / "support"
_PARQUET, _TARS = "datasets, parquet", "webdataset, tars"

# Each reader is forked from a process that has imported what takes longer than reading.
_READERS = multiprocessing.get_context("forkserver")
_READERS.set_forkserver_preload(["datasets", "imagenetq.builder", "webdataset"])


def main() -> None:
    """Build, serve, measure and print."""
    parser = measure.parser(__doc__)
    measure.add_source(parser)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--variant", default="jpeg-10")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--hub", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hub:
        _serve_hub(options.hub)
    facts = measure.machine()
    measure.report(options, facts, lambda scratch: _compare(options, scratch))


def _compare(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    figures, n_bytes = _measure(options, scratch)
    print(f"## Streaming {options.images} images of {options.variant}, one process\n")
    header = ["medians", "images/s, stored", "decoded", "a CPU second, stored", "decoded"]
    rows = [
        [
            name,
            *(
                f"{median(rate[clock] for rate in rates[kind]):,.0f}"
                for clock in ("wall", "cpu")
                for kind in ("stored", "decoded")
            ),
        ]
        for name, rates in figures.items()
    ]
    print(measure.table(header, rows))
    size = f"{n_bytes / options.images / 1e3:.1f} kB an image"
    print(f"\n{size}; {options.repeats} runs in turn, each in a process of its own; the clock")
    print("starts with the first row.\n")
    return {"images_per_second": figures}


def _measure(options: argparse.Namespace, scratch: Path) -> tuple[Figures, int]:
    photographs = Photographs(open_source(options.source), 100, scratch)
    source = open_source(photographs.named(options.images))
    folders = {}
    for form in ("parquet", "webdataset"):
        measure.log(f"building {form}")
        folders[form] = scratch / form
        build(
            source,
            folders[form],
            subset="full",
            format_name=form,
            only=[options.variant],
            allow_short=True,
        )
    home = scratch / "home"
    with _web_server(folders["webdataset"]) as web, _hub(folders) as hub:
        tars = [shard.path for shard in read_manifest(folders["webdataset"]).shards]
        jobs: dict[str, dict[str, Any]] = {
            f"{_PARQUET}: folder": {"name": str(folders["parquet"]), "config": options.variant},
            f"{_TARS}: folder": {"urls": [str(folders["webdataset"] / path) for path in tars]},
            f"{_TARS}: http": {"urls": [f"{web}/{path}" for path in tars]},
            f"{_PARQUET}: hub": {"name": "org/parquet", "config": options.variant},
            f"{_TARS}: hub": {
                "urls": [f"hf://datasets/org/webdataset@main/{path}" for path in tars]
            },
        }
        # For the readers, none of which has been started.
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            del os.environ[name]
        os.environ |= {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        figures: Figures = {name: {"stored": [], "decoded": []} for name in jobs}
        for repeat in range(options.repeats):
            measure.log(f"run {repeat + 1} of {options.repeats}")
            for name, job in jobs.items():
                for kind, rates in figures[name].items():
                    rates.append(_rate(job | {"decode": kind == "decoded"}, options.images))
    return figures, sum(shard.bytes for shard in read_manifest(folders["parquet"]).shards)


def _rate(job: dict[str, Any], n_images: int) -> Rate:
    with ProcessPoolExecutor(1, _READERS) as reader:
        try:
            images, took = reader.submit(_read, **job).result()
        except Exception as error:  # Whatever the library's reader may raise.
            sys.exit(f"a reader failed: {error}")
    if images != n_images:
        sys.exit(f"a reader found {images} images instead of {n_images}")
    return {"wall": (images - 1) / took.wall, "cpu": (images - 1) / took.cpu}


def _read(*, decode: bool, **source: Any) -> tuple[int, measure.Time]:
    """Stream everything once, and time it; gives the number of images and the time."""
    rows = _tar_rows(**source) if "urls" in source else _parquet_rows(**source)
    images = 0

    def take(image: bytes) -> None:
        nonlocal images
        if decode:
            with Image.open(io.BytesIO(image)) as opened:
                opened.convert("RGB")
        images += 1

    # Opening takes seconds, however many rows there are, so the clock starts after the first.
    take(next(rows))

    def take_the_rest() -> None:
        for image in rows:
            take(image)

    took = measure.timed(take_the_rest)
    return images, took


def _parquet_rows(*, name: str, config: str) -> Iterator[bytes]:
    from datasets import Image as ImageColumn
    from datasets import load_dataset

    data = load_dataset(name, config, split="test", streaming=True)
    # Decoded as the tars' images are, so that the two differ in the reading alone.
    for row in data.cast_column("image", ImageColumn(decode=False)):
        yield row["image"]["bytes"]


def _tar_rows(*, urls: list[str]) -> Iterator[bytes]:
    import webdataset

    for sample in webdataset.WebDataset(urls, shardshuffle=False):
        (image,) = (sample[name] for name in ("jpg", "webp", "j2k") if name in sample)
        yield image


@contextmanager
def _web_server(folder: Path) -> Iterator[str]:
    """Serve a folder by Python's own server in another process; gives its URL."""
    command = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with _process(*command) as line:
        yield f"http://127.0.0.1:{line.split(' port ')[1].split()[0]}"


@contextmanager
def _hub(folders: dict[str, Path]) -> Iterator[str]:
    """Serve each folder as `org/FORMAT` on the tests' Hub in another process; gives its URL."""
    with _process(__file__, "--hub", *map(str, folders.values())) as line:
        yield line.strip()


@contextmanager
def _process(*command: str) -> Iterator[str]:
    """Start a process of ours, which ends with the context; gives the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process.stdout.readline() if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


def _serve_hub(folders: list[str]) -> None:
    sys.path.insert(0, str(_TESTS))
    from hub_server import HubServer

    with HubServer() as hub:
        for folder in map(Path, folders):
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file() and ".build" not in path.parts
            }
            hub.add(f"org/{folder.name}", files)
        print(hub.url, flush=True)
        Event().wait()


if __name__ == "__main__":
    main()
