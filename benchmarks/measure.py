"""Define what benchmarks share: a clock, the codecs' own time, the machine, and tables."""

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from imagenetq import ImagenetqError, render_ladder
from imagenetq.distortions import Pixels
from imagenetq.progress import usable_cores
from imagenetq.provenance import library_versions
from imagenetq.specification import ladder

Item = TypeVar("Item")

DECODE = "decode the original"
JPEG = "JPEG: 10 encodes, 10 decodes"
JPEG2000_ENCODE = "JPEG 2000: one encode with 11 layers"
JPEG2000_DECODE = "JPEG 2000: 11 decodes"
WEBP = "lossless WebP: 30 encodes"
WEBP_WITH_CLEAN = "lossless WebP: 31 encodes"

_SHORTEST = 1e-9
"""Seconds that any call takes."""


def seconds(call: Callable[[], object]) -> float:
    """Measure the wall seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Time:
    """The time that a call took."""

    wall: float
    """Seconds on the clock."""

    cpu: float
    """Seconds of processor time, of this process and of the children that ended meanwhile; other
    programs on the machine change it less."""

    def __add__(self, other: "Time") -> "Time":
        return Time(self.wall + other.wall, self.cpu + other.cpu)


def timed(call: Callable[[], object]) -> Time:
    """Measure wall and processor time of one call."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    call()
    taken = _cpu_seconds() - cpu
    # The clock of a virtual machine stands still while its host makes up for stolen time.
    return Time(time.perf_counter() - wall, max(taken, _SHORTEST))


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def codec_calls(
    original: bytes, pixels: Pixels, *, clean_is_webp: bool
) -> dict[str, Callable[[], object]]:
    """Make the codec calls that no build of one photograph can do without, and nothing beside them.

    Everything that they take (rendered variants, cut codestreams) is made here, before the clock
    starts. What they give is dropped.

    Args:
        original: bytes of the photograph's file.
        pixels: its samples.
        clean_is_webp: whether the clean image is stored as WebP, too, as it is where photographs
            are not JPEG.

    Returns:
        The calls by name.
    """
    image = Image.fromarray(pixels)
    rendered = list(render_ladder(pixels, image_id="benchmark"))
    lossless = [
        Image.fromarray(one.pixels)
        for one in rendered
        if one.codestream is None and (clean_is_webp or one.variant.level > 0)
    ]
    codestreams = [
        one.codestream
        for one in rendered
        if one.codestream is not None and one.variant.distortion == "jpeg2000"
    ]
    return {
        DECODE: lambda: Image.open(BytesIO(original)).convert("RGB"),
        JPEG: lambda: _jpeg(image),
        JPEG2000_ENCODE: lambda: _encode_jpeg2000(image),
        JPEG2000_DECODE: lambda: [Image.open(BytesIO(one)).load() for one in codestreams],
        WEBP_WITH_CLEAN if clean_is_webp else WEBP: lambda: _webp(lossless),
    }


def _jpeg(image: Image.Image) -> None:
    for quality in ladder("jpeg").values:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=int(quality), subsampling="4:2:0")
        Image.open(buffer).load()


def _encode_jpeg2000(image: Image.Image) -> None:
    targets = sorted(ladder("jpeg2000").values)
    image.save(BytesIO(), "JPEG2000", **jpeg2000_options(image, targets), plt=True)


def jpeg2000_options(image: Image.Image, targets: Sequence[float]) -> dict[str, Any]:
    """Give Pillow's options for the specification's JPEG 2000, one layer for each PSNR target."""
    return {
        "no_jp2": True,
        "irreversible": False,
        "mct": 1,
        "quality_mode": "dB",
        "quality_layers": targets,
        "num_resolutions": min(6, min(image.size).bit_length()),
    }


def _webp(images: Sequence[Image.Image]) -> None:
    for image in images:
        image.save(BytesIO(), "WEBP", lossless=True, quality=0, method=0, exact=True)


@contextmanager
def one_blas_thread() -> Iterator[str]:
    """Hold numpy's matrix products to one core; gives a line that says whether it could."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield "BLAS threads not limited: threadpoolctl is not installed, `make bench` installs it"
        return
    with threadpool_limits(1):
        yield "one BLAS thread"


def spread(items: Sequence[Item], n: int) -> list[Item]:
    """Choose at most `n` items, evenly spread."""
    count = min(n, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def n_levels(distortion: str) -> int:
    """Count the levels of a distortion."""
    return len(ladder(distortion).values)


def version(package: str) -> str | None:
    """Find the installed version of a package; None if there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine() -> dict[str, str]:
    """Describe what a reader must know of the machine to compare its figures with another's."""
    packages = ("scikit-image", "imagecorruptions", "glymur", "opencv-python")
    return {
        "CPU": _cpu_name(),
        "usable cores": str(usable_cores()),
        "load before": _load(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **library_versions(),
        **{package: version(package) or "not installed" for package in packages},
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def machine_lines(facts: dict[str, str]) -> str:
    """Write the machine as a Markdown paragraph, with the load as it is now."""
    named = [f"{name} {value}" for name, value in facts.items()]
    return f"Machine: {', '.join(named)}; load after: {_load()}."


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; all columns but the first are set flush right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a script's parser, with the first line of its docstring and the option `--json`."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--json", type=Path, metavar="FILE", help="save the figures there as JSON")
    return made


def add_source(parser: argparse.ArgumentParser, what: str = "as for `imagenetq build`") -> None:
    """Add the argument SOURCE."""
    parser.add_argument("source", nargs="?", default="sample", help=what)


def report(
    options: argparse.Namespace,
    facts: dict[str, str],
    run: Callable[[Path], dict[str, Any]],
) -> None:
    """Measure, print the machine, and save the figures if a file was asked for.

    Args:
        options: the command line's.
        facts: the machine's.
        run: measures and prints in an empty folder, and gives the figures.

    Raises:
        SystemExit: an error of ours, in one line.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="imagenetq-bench-") as scratch:
            figures = run(Path(scratch))
    except ImagenetqError as error:
        raise SystemExit(str(error)) from None
    print(machine_lines(facts))
    save_json(options.json, {"machine": facts, **figures})


def save_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write the figures if a file was asked for."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=1) + "\n")


def log(line: str) -> None:
    """Say what is going on, on standard error: standard output is the report."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the warnings that old packages give on import; what fails is reported by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
