"""How quickly the 51 variants of a photograph are rendered, against what others would use.

Usage: python benchmarks/render.py [PHOTOS] [--photos N] [--repeats R] [--json FILE]
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import measure
import numpy as np
from PIL import Image, ImageEnhance

from imagenetq import ImagenetqError, render_ladder
from imagenetq.builder import open_source
from imagenetq.builder.sources.listing import is_image_name, read_image
from imagenetq.decoding import decode
from imagenetq.distortions import DISTORTIONS, Pixels
from imagenetq.specification import Value, ladder, select_variants

Render = Callable[[Pixels], object]

OURS = "ours"

# The floor: no renderer that uses these codecs can be quicker.
CODEC_CALLS = {
    "jpeg": (measure.JPEG,),
    "jpeg2000": (measure.JPEG2000_ENCODE, measure.JPEG2000_DECODE),
}

# What imagecorruptions's severities 1 to 5 mean, in the ladders' own units; it hides these
# tables in its functions.
SEVERITIES: dict[str, tuple[str, tuple[float, ...]]] = {
    "noise": ("gaussian_noise", tuple(255 * c for c in (0.08, 0.12, 0.18, 0.26, 0.38))),
    "contrast": ("contrast", (0.4, 0.3, 0.2, 0.1, 0.05)),
    "jpeg": ("jpeg_compression", (25, 18, 15, 10, 7)),
}


@dataclass(frozen=True)
class Photo:
    """A photograph.

    Attributes:
        name: of its file.
        data: the file's bytes.
        pixels: its samples.
    """

    name: str
    data: bytes
    pixels: Pixels


@dataclass(frozen=True)
class Contender:
    """One way to render all levels of one distortion.

    Attributes:
        distortion: which.
        name: whose way.
        render: renders all levels of an image; None where it cannot be had.
        note: why not, or what is to be known of it.
    """

    distortion: str
    name: str
    render: Render | None
    note: str = ""


@dataclass(frozen=True)
class Result:
    """How long one contender took.

    Attributes:
        distortion: which.
        name: whose way.
        ms: to render all levels of a photograph: the median of the repetitions, then the mean
            over the photographs; None where it could not be had.
        note: as the contender's.
    """

    distortion: str
    name: str
    ms: float | None
    note: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="photographs, in any sub-folders; else the sample"
    )
    parser.add_argument("--photos", type=int, default=9, metavar="N", help="how many to take")
    parser.add_argument("--repeats", type=int, default=5, metavar="R", help="medians of R runs")
    measure.add_json_option(parser)
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
    """Up to `n` photographs, evenly spread over a folder, or over the embedded sample.

    Raises:
        ImagenetqError: there are none, or one cannot be read.
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


def line_up(scratch: Path, probe: Pixels) -> tuple[list[Contender], list[str]]:
    """Ours and the peers, and what is to be said of them.

    The first peer of a distortion that can be had is the one that the total counts.

    Args:
        scratch: an empty folder for peers that need files.
        probe: a photograph to find out what works.
    """
    corruptions, remark = imagecorruptions_peers(probe)
    contenders = [
        *(Contender(name, OURS, ours(name)) for name in DISTORTIONS),
        Contender("blur", "scikit-image `gaussian`", scikit_image_blur),
        Contender("blur", *opencv_blur()),
        *corruptions,
        Contender("noise", "scikit-image `random_noise`", scikit_image_noise),
        Contender("contrast", "Pillow `ImageEnhance`", pillow_contrast),
        Contender("jpeg", "Pillow", pillow_jpeg),
        jpeg2000_peer(scratch),
        Contender("jpeg2000", "Pillow, one level at a time", pillow_jpeg2000),
    ]
    return contenders, [remark]


def ours(distortion: str) -> Render:
    """This package's way."""
    rungs = select_variants([distortion])
    return lambda pixels: list(render_ladder(pixels, image_id="benchmark", only=rungs))


def scikit_image_blur(pixels: Pixels) -> None:
    """As imagecorruptions would do it, with the argument's name that scikit-image has now."""
    from skimage import filters

    gaussian: Any = filters.gaussian
    for sigma in ladder("blur").values:
        blurred = gaussian(pixels / 255.0, sigma=sigma, truncate=2, channel_axis=-1)
        np.uint8(np.clip(blurred, 0, 1) * 255)


def opencv_blur() -> tuple[str, Render | None, str]:
    """OpenCV's 8-bit blur, which imagecorruptions brings along."""
    name = "OpenCV `GaussianBlur`"
    try:
        import cv2
    except ImportError:
        return name, None, "not installed"
    cv2.setNumThreads(1)

    def blur(pixels: Pixels) -> None:
        for sigma in ladder("blur").values:
            side = 4 * int(sigma) + 1
            cv2.GaussianBlur(pixels, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)

    return name, blur, "8-bit kernel weights"


def scikit_image_noise(pixels: Pixels) -> None:
    """Fresh noise at every level."""
    from skimage import util

    random_noise: Any = util.random_noise
    for sigma in ladder("noise").values:
        np.uint8(random_noise(pixels, var=(sigma / 255) ** 2) * 255)


def pillow_contrast(pixels: Pixels) -> None:
    """The same blend of Haeberli & Voorhies."""
    enhancer = ImageEnhance.Contrast(Image.fromarray(pixels))
    for factor in ladder("contrast").values:
        np.asarray(enhancer.enhance(factor))


def pillow_jpeg(pixels: Pixels) -> None:
    """Save and load each level."""
    image = Image.fromarray(pixels)
    for quality in ladder("jpeg").values:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=int(quality))
        np.asarray(Image.open(buffer))


def pillow_jpeg2000(pixels: Pixels) -> None:
    """Save and load each level, one layer at a time."""
    image = Image.fromarray(pixels)
    for target in ladder("jpeg2000").values:
        buffer = BytesIO()
        image.save(buffer, "JPEG2000", **measure.jpeg2000_options(image, [target]))
        np.asarray(Image.open(buffer))


def jpeg2000_peer(scratch: Path) -> Contender:
    """With glymur and the system's OpenJPEG, through files, one level at a time."""
    name = "glymur, one level at a time"
    with measure.quiet():
        import glymur
    if glymur.version.openjpeg_version == "0.0.0":
        reason = "the system has no OpenJPEG library (Debian: libopenjp2-7); the total takes Pillow"
        return Contender("jpeg2000", name, None, reason)

    def compress(pixels: Pixels) -> None:
        numres = min(6, min(pixels.shape[:2]).bit_length())
        for target in ladder("jpeg2000").values:
            file = scratch / f"{target}.j2k"
            glymur.Jp2k(file, data=pixels, psnr=[target], numres=numres, mct=True)[:]

    return Contender("jpeg2000", name, compress, f"OpenJPEG {glymur.version.openjpeg_version}")


def imagecorruptions_peers(probe: Pixels) -> tuple[list[Contender], str]:
    """The functions of imagecorruptions that have a counterpart here, and which of all fail."""
    package = "imagecorruptions"
    try:
        with measure.quiet():
            import imagecorruptions
    except ImportError as error:
        installed = measure.version(package)
        reason = f"cannot be imported ({error})" if installed else "not installed"
        absent = [
            Contender(distortion, f"{package} `{function}`", None, reason)
            for distortion, (function, _) in SEVERITIES.items()
        ]
        return absent, f"{package}: {reason}; `pip install -e '.[bench]'` installs it"

    def corrupt(function: str, severity: int, pixels: Pixels) -> object:
        with measure.quiet():
            return imagecorruptions.corrupt(pixels, severity, function)

    failures: dict[str, str] = {}
    names = imagecorruptions.get_corruption_names("all")
    for function in names:
        try:
            corrupt(function, 1, np.ascontiguousarray(probe[:64, :64]))
        except Exception as error:  # Whatever it is, the report says so.
            failures[function] = f"{type(error).__name__}: {error}"
    peers = []
    for distortion, (function, strengths) in SEVERITIES.items():
        name = f"{package} `{function}`"
        if function in failures:
            peers.append(Contender(distortion, name, None, failures[function]))
            continue
        severities = [nearest(value, strengths) for value in ladder(distortion).values]

        def all_levels(
            pixels: Pixels, function: str = function, severities: Sequence[int] = severities
        ) -> None:
            for severity in severities:
                corrupt(function, severity, pixels)

        peers.append(Contender(distortion, name, all_levels, "nearest of five severities"))
    failed = "; ".join(f"`{function}` ({error})" for function, error in failures.items())
    works = f"all of its {len(names)} functions work"
    fails = f"{len(failures)} of its {len(names)} functions fail here: {failed}"
    return peers, f"{package} {measure.version(package)}: {fails if failures else works}"


def nearest(value: Value, strengths: Sequence[float]) -> int:
    """The severity, from 1, whose strength is nearest to a value of the ladder."""
    return 1 + min(range(len(strengths)), key=lambda index: abs(strengths[index] - value))


def race(
    contenders: Sequence[Contender], photos: Sequence[Photo], repeats: int
) -> tuple[list[Result], dict[str, float]]:
    """Let the contenders of each distortion, and the codecs alone, run in turn; take medians.

    Returns:
        The contenders' results, and the milliseconds a photograph of each kind of codec call.
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
                laps[distortion, name].append(measure.seconds(calls[name]))
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
    return measure.seconds(lambda: None if render is None else render(pixels))


def report(
    photos: Sequence[Photo],
    repeats: int,
    results: Sequence[Result],
    floor: dict[str, float],
    remarks: Sequence[str],
) -> str:
    """The figures as Markdown."""
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
    ]
    return "\n".join(
        [
            "# Rendering one photograph, one core",
            "",
            f"{len(photos)} photographs of {megapixels:.2f} megapixels on average, all contenders "
            f"in turn, medians of {repeats}; ms a photograph.",
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
    """A peer's time, and its ratio to ours."""
    return ["-", "-"] if peer_ms is None else [f"{peer_ms:.1f}", f"{peer_ms / ours_ms:.2f}"]


if __name__ == "__main__":
    main()
