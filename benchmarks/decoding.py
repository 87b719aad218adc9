"""Measure what a decoder of our own could save at most, where CPUs render JPEG 2000.

Usage: python benchmarks/decoding.py [PHOTOS] [--photos N] [--repeats R] [--json FILE]

Eleven levels are decoded one by one now. The bits of the finest hold those of all others, so a
decoder of our own could read them once, and would invert the wavelet eleven times.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from statistics import fmean, median
from typing import Any

import measure
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from render import Photo, load_photos

from imagenetq.distortions import Pixels
from imagenetq.distortions.jpeg2000 import LayeredCodestream
from imagenetq.torch.jpeg2000.geometry import halved, n_levels
from imagenetq.torch.jpeg2000.reference.wavelet import analyse

Planes = NDArray[np.int16]

ENCODE = "one encoding with 11 layers, cuts included"
DECODE = "11 decodings"
FINEST = "of these the finest: all bits once, one inverse transform"
COARSEST = "of these the coarsest: an inverse transform, hardly any bits"
NUMPY = "an inverse transform in NumPy (int16, exact)"


def main() -> None:
    """Measure and print."""
    parser = measure.parser(__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="photographs; else the sample")
    parser.add_argument("--photos", type=int, default=20, metavar="N", help="how many to take")
    parser.add_argument("--repeats", type=int, default=3, metavar="R", help="medians of R runs")
    options = parser.parse_args()

    def run(_: Path) -> dict[str, Any]:
        photos = load_photos(options.folder, options.photos)
        times = [_times(photo, options.repeats) for photo in photos]
        ms = {name: 1000 * fmean(one[name] for one in times) for name in times[0]}
        now = ms[ENCODE] + ms[DECODE]
        ours = ms[ENCODE] + ms[FINEST] + 11 * ms[NUMPY]
        rows = [[name, f"{value:.1f}"] for name, value in ms.items()]
        rows += [
            ["**encoding and decoding now**", f"**{now:.1f}**"],
            ["reading all bits once, then 11 transforms: at the least", f"{ours:.1f}"],
        ]
        title = f"JPEG 2000, {len(photos)} photographs, medians of {options.repeats}"
        print(measure.table([title, "ms"], rows))
        print(f"\nSo at most {now / ours:.2f} times as quick.\n")
        return {"ms": ms, "at_most": now / ours}

    measure.report(options, measure.machine(), run)


def _times(photo: Photo, repeats: int) -> dict[str, float]:
    """Measure each part for a photograph, in turn, in seconds of processor time."""
    image = Image.fromarray(photo.pixels)
    layered = LayeredCodestream.encode(image)
    streams = [layered.cut(n) for n in range(1, len(layered.targets) + 1)]
    coefficients = analyse(photo.pixels).astype(np.int16)
    if not np.array_equal(inverse_transform(coefficients), photo.pixels):
        raise RuntimeError(f"{photo.name}: the transform in NumPy is not exact")

    def encode() -> None:
        again = LayeredCodestream.encode(image)
        for n in range(1, len(again.targets) + 1):
            again.cut(n)

    parts: dict[str, Callable[[], object]] = {
        ENCODE: encode,
        DECODE: lambda: [_decode(stream) for stream in streams],
        FINEST: lambda: _decode(streams[-1]),
        COARSEST: lambda: _decode(streams[0]),
        NUMPY: lambda: inverse_transform(coefficients),
    }
    laps = [{name: measure.timed(call).cpu for name, call in parts.items()} for _ in range(repeats)]
    return {name: median(lap[name] for lap in laps) for name in parts}


def _decode(codestream: bytes) -> Pixels:
    with Image.open(BytesIO(codestream), formats=["JPEG2000"]) as decoded:
        return np.asarray(decoded)


def inverse_transform(coefficients: Planes) -> Pixels:
    """Invert the 5/3 wavelet and the colour transform; int16 holds every value of 8-bit images."""
    planes = coefficients.copy()
    _, height, width = planes.shape
    for level in reversed(range(n_levels(width, height))):
        band = planes[:, : halved(height, level), : halved(width, level)]
        across = _merged(np.ascontiguousarray(band.transpose(0, 2, 1)))
        band[:] = _merged(np.ascontiguousarray(across.transpose(0, 2, 1)))
    luma, blue, red = planes
    green = luma - ((blue + red) >> 2)
    pixels = np.empty((height, width, 3), np.uint8)
    for channel, plane in enumerate((red + green, green, blue + green)):
        pixels[..., channel] = np.clip(plane + 128, 0, 255)
    return pixels


def _merged(halves: Planes) -> Planes:
    """Invert one level along the second axis, whose whole rows stay contiguous."""
    n_low = halved(halves.shape[1], 1)
    low, high = halves[:, :n_low], halves[:, n_low:]
    n_high = high.shape[1]
    if not n_high:
        return halves
    merged = np.empty_like(halves)
    even = merged[:, ::2]
    update = np.empty_like(low)
    update[:, 0] = 2 * high[:, 0]
    np.add(high[:, : n_high - 1], high[:, 1:], out=update[:, 1:n_high])
    if n_low > n_high:
        update[:, n_high] = 2 * high[:, -1]
    np.subtract(low, (update + 2) >> 2, out=even)
    following = even[:, :n_high].copy()
    following[:, : n_low - 1] += even[:, 1:]
    if n_low == n_high:
        following[:, -1] *= 2
    np.add(high, following >> 1, out=merged[:, 1::2])
    return merged


if __name__ == "__main__":
    main()
