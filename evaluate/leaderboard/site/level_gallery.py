"""Show what the levels look like: one openly licensed photograph in every variant.

The pictures ship with this package, so that every machine builds the same site, also without
scikit-image. `redraw` made them, and a test compares them with the specification.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from PIL import Image

from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.evaluate.results.names import TITLES, parameter_word, variant_words
from imagenetq.files import write_whole
from imagenetq.rendering import render_ladder
from imagenetq.specification import CLEAN, Variant, variant, variants

PHOTOGRAPH = "chelsea"
"""The photograph's id, which keys its noise: scikit-image's `chelsea.png`."""

CREDIT = "Chelsea, photographed by Stefan van der Walt, CC0, as it ships with scikit-image"

SIDE = 192
"""Side of a picture in pixels. It is cut out of the full-size variant, so that a pixel shown is a
pixel of the variant."""

_LEFT, _TOP = 108, 42
_QUALITY = 75


@dataclass(frozen=True)
class Level:
    """One picture of the gallery."""

    name: str
    file: str
    words: str
    """What the picture shows, for those who do not see it."""

    short: str
    """The level in short, without its distortion."""


def ladders_shown() -> list[tuple[str, list[Level]]]:
    """List each distortion's title and levels, mild to strong."""
    return [
        (title, [_level(v) for v in variants() if v.distortion == name])
        for name, title in TITLES.items()
    ]


def clean_level() -> Level:
    """Give the picture of the photograph as it is."""
    return _level(variant(CLEAN))


def pictures() -> dict[str, bytes]:
    """Read the files that ship with the package, by name."""
    folder = files("imagenetq.evaluate.leaderboard.site") / "levels"
    names = [_level(v).file for v in variants()]
    return {name: (folder / name).read_bytes() for name in names}


def cuttings(photograph: Pixels) -> Iterator[tuple[Level, Image.Image]]:
    """Cut out what each picture shows: a square of the variant, its pixels as they are."""
    for rendered in render_ladder(photograph, image_id=PHOTOGRAPH):
        square = rendered.pixels[_TOP : _TOP + SIDE, _LEFT : _LEFT + SIDE]
        yield _level(rendered.variant), Image.fromarray(square)


def redraw(photograph: Path, folder: Path) -> None:
    """Write the pictures anew, after a change of the specification, from `chelsea.png`."""
    pixels = decode(photograph.read_bytes(), str(photograph))
    for level, square in cuttings(pixels):
        buffer = io.BytesIO()
        # Compressed once more, for the page alone.
        square.save(buffer, "WEBP", quality=_QUALITY, method=6)
        write_whole(folder / level.file, buffer.getvalue())


def _level(shown: Variant) -> Level:
    short = "original"
    if shown.parameter is not None:
        short = f"{parameter_word(shown.parameter)} {shown.value}"
    return Level(shown.name, f"{shown.name}.webp", variant_words(shown), short)
