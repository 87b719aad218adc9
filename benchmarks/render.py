"""Measure how quickly a photograph's 51 variants are rendered, against what others would use.

Usage: python benchmarks/render.py [PHOTOS] [--photos N] [--repeats R] [--json FILE]
"""

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import fmean, median

import measure
import numpy as np
from peers import OURS, Contender, line_up

from imagenetq import ImagenetqError
from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.distortions import DISTORTIONS, Pixels
from imagenetq.pictures import is_image_name, read_image

# The floor: no renderer that uses these codecs can be quicker.
CODEC_CALLS = {
    "jpeg": (measure.JPEG,),
    "jpeg2000": (measure.JPEG2000_ENCODE, measure.JPEG2000_DECODE),
}


@dataclass(frozen=True)
class Photo:
    """A photograph."""

    name: str
    data: bytes
    pixels: Pixels


@dataclass(frozen=True)
class Result:
    """The time that one contender took."""

    distortion: str
    name: str
    ms: float | None
    """Milliseconds of processor time to render all levels of a photograph: the median of the
    repetitions, then the mean over the photographs; None where the contender cannot be had."""

    note: str


def main() -> None:
    """Measure and print."""
    parser = measure.parser(__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="photographs, in any sub-folders; else the sample"
    )
    parser.add_argument("--photos", type=int, default=9, metavar="N", help="how many to take")
    parser.add_argument("--repeats", type=int, default=5, metavar="R", help="medians of R runs")
    options = parser.parse_args()
    if min(options.photos, options.repeats) < 1:
        parser.error("--photos and --repeats must be 1 or more")
    try:
        photos = load_photos(options.folder, options.photos)
    except ImagenetqError as error:
        parser.exit(1, f"{error}\n")

    facts = measure.machine()
    with tempfile.TemporaryDirectory() as scratch, measure.one_blas_thread() as blas:
        contenders, remarks = line_up(Path(scratch), photos[0].pixels)
        results, floor = race(contenders, photos, options.repeats)
    print(report(photos, options.repeats, results, floor, [blas, *remarks]))
    print(f"\n{measure.machine_lines(facts)}")
    measure.save_json(
        options.json,
        {
            "machine": facts,
            "photos": {photo.name: photo.pixels.shape[:2] for photo in photos},
            "repeats": options.repeats,
            "results": [asdict(result) for result in results],
            "codec_floor_ms": floor,
            "remarks": [blas, *remarks],
        },
    )


def load_photos(folder: Path | None, n: int) -> list[Photo]:
    """Load up to `n` photographs, evenly spread over a folder or over the embedded sample.

    Raises:
        ImagenetqError: there are no photographs, or one cannot be read.
    """
    if folder is None:
        source = open_source("sample")
        images = measure.spread(source.images(), n)
        files = [(image.name, source.read(image)) for image in images]
    else:
        paths = sorted(path for path in folder.rglob("*") if is_image_name(path.name))
        if not paths:
            raise ImagenetqError(f"{folder}: no photographs there; name a folder that has some")
        files = [(path.name, read_image(path, path.name)) for path in measure.spread(paths, n)]
    return [Photo(name, data, decode(data, name)) for name, data in files]


def race(
    contenders: Sequence[Contender], photos: Sequence[Photo], repeats: int
) -> tuple[list[Result], dict[str, float]]:
    """Let the contenders of each distortion, and the codecs alone, run in turn; take medians.

    Returns:
        The contenders' results, and the milliseconds that each kind of codec call takes for a
        photograph.
    """
    runners = [contender for contender in contenders if contender.render is not None]
    for runner in runners:  # Imports and caches fill before the clock starts.
        _seconds(runner, np.ascontiguousarray(photos[0].pixels[:64, :64]))
    medians: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for index, photo in enumerate(photos):
        measure.log(f"photograph {index + 1} of {len(photos)}: {photo.name}")
        calls = measure.codec_calls(photo.data, photo.pixels, clean_is_webp=False)
        laps: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for repeat, distortion in product(range(repeats), DISTORTIONS):
            turn = [runner for runner in runners if runner.distortion == distortion]
            # Another one starts each time, so that none always follows the same.
            first = repeat % len(turn)
            for runner in turn[first:] + turn[:first]:
                laps[distortion, runner.name].append(_seconds(runner, photo.pixels))
            for name in CODEC_CALLS.get(distortion, ()):
                laps[distortion, name].append(measure.timed(calls[name]).cpu)
        for key, taken in laps.items():
            medians[key].append(median(taken))
    ms = {key: 1000 * fmean(taken) for key, taken in medians.items()}
    results = [
        Result(one.distortion, one.name, ms.get((one.distortion, one.name)), one.note)
        for one in contenders
    ]
    floor = {
        name: ms[distortion, name] for distortion, names in CODEC_CALLS.items() for name in names
    }
    return results, floor


def _seconds(runner: Contender, pixels: Pixels) -> float:
    render = runner.render
    return measure.timed(lambda: None if render is None else render(pixels)).cpu


def report(
    photos: Sequence[Photo],
    repeats: int,
    results: Sequence[Result],
    floor: dict[str, float],
    remarks: Sequence[str],
) -> str:
    """Write the figures as Markdown."""
    megapixels = fmean(photo.pixels.size / 3e6 for photo in photos)
    rows = []
    ours_total = marked_total = quickest_total = 0.0
    for distortion in DISTORTIONS:
        us, *peers = [result for result in results if result.distortion == distortion]
        ours_ms = us.ms or 0.0
        times = [peer.ms for peer in peers if peer.ms is not None]
        ours_total += ours_ms
        marked_total += times[0]
        quickest_total += min(times)
        for peer in peers:
            mark = " *" if peer.ms == times[0] else ""
            rows.append(
                [
                    f"{distortion}, {measure.n_levels(distortion)} levels",
                    f"{ours_ms:.1f}",
                    f"{peer.name}{mark}",
                    *_against(peer.ms, ours_ms),
                    peer.note,
                ]
            )
    for peers_name, total in (
        ("the peers marked *", marked_total),
        ("the quickest peers", quickest_total),
    ):
        rows.append(
            ["all 51 variants", f"{ours_total:.1f}", peers_name, *_against(total, ours_total), ""]
        )
    codecs = sum(floor.values())
    ours_codecs = sum(
        result.ms or 0.0
        for result in results
        if result.name == OURS and result.distortion in CODEC_CALLS
    )
    floor_rows = [[name, f"{ms:.1f}"] for name, ms in floor.items()]
    floor_rows += [
        ["codec calls, sum", f"{codecs:.1f}"],
        ["ours, jpeg and jpeg2000", f"{ours_codecs:.1f} ({ours_codecs / codecs:.2f} times)"],
        ["ours, all variants", f"{ours_total:.1f} ({ours_total / codecs:.2f} times)"],
        ["share of ours that is codec calls", f"{codecs / ours_total:.0%}"],
        ["peers marked * / codec calls: the most that can be had", f"{marked_total / codecs:.2f}"],
    ]
    return "\n".join(
        [
            "# Rendering one photograph, one core",
            "",
            f"{len(photos)} photographs of {megapixels:.2f} megapixels on average, all contenders "
            f"in turn, medians of {repeats}; ms of processor time a photograph.",
            "",
            measure.table(
                ["distortion", "ours, ms", "peer", "peer, ms", "peer / ours", "note"], rows
            ),
            "",
            *(f"- {remark}" for remark in remarks),
            "",
            "## The floor: the codec calls alone",
            "",
            measure.table(["what", "ms"], floor_rows),
        ]
    )


def _against(peer_ms: float | None, ours_ms: float) -> list[str]:
    """Write a peer's time, and its ratio to ours."""
    return ["-", "-"] if peer_ms is None else [f"{peer_ms:.1f}", f"{peer_ms / ours_ms:.2f}"]


if __name__ == "__main__":
    main()
