"""Define the specification: which variants exist, what each one is, and the digest of it all.

It follows Dodge & Karam 2016, section III-C, and settles what the paper leaves open. A released
specification never changes: a test pins its digest. Adding distortions or levels makes a new
minor version; changing a pixel makes a new major one.
"""

import difflib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from imagenetq.errors import UsageError

SPECIFICATION_VERSION = "1.0"
"""Version of the pixels and the ladder, as MAJOR.MINOR."""

DATASET_VERSION = "1.0.0"
"""Version of the dataset, as MAJOR.MINOR.PATCH; PATCH counts repackings of the same pixels."""

KEY_PREFIX = "imagenet-q/1/"
"""Prefix of all that is hashed to rank photographs or key noise; changes with MAJOR."""

CLEAN = "clean"

SUBSETS: dict[str, int | None] = {"full": 10, "mini": 1, "sample": None}
"""Photographs a class in each subset; None for all of the source (the embedded photographs)."""

Value = int | float


@dataclass(frozen=True)
class Ladder:
    """One distortion and its rungs."""

    distortion: str
    """Name of the distortion."""

    parameter: str
    """Name of the parameter whose values the rungs are."""

    values: tuple[Value, ...]
    """Values of the rungs, from mild to strong; level 1 is the first."""

    definition: dict[str, Value | str]
    """Constants that, together with the values, fix every pixel."""


@dataclass(frozen=True)
class Variant:
    """One rung of one distortion, or the clean image."""

    name: str
    """Name that identifies the variant: distortion and value, such as `jpeg-10`."""

    distortion: str
    """Name of the distortion, or `clean`."""

    parameter: str | None
    """Name of the parameter; None for the clean image."""

    value: Value | None
    """Value of the parameter; None for the clean image."""

    level: int
    """Place on the ladder, from 1 (mildest); 0 for the clean image."""


LADDERS: tuple[Ladder, ...] = (
    Ladder(
        "blur",
        "sigma",
        tuple(range(1, 10)),
        {
            "kernel": "gaussian, separable",
            "radius": "2 * sigma",
            "weight_unit": "2**-22",
            "remainder": "centre tap",
            "rounding": "(sum + 2**43) >> 44, once",
            "border": "reflect without repeating the edge",
        },
    ),
    Ladder(
        "noise",
        "sigma",
        tuple(range(10, 101, 10)),
        {
            "generator": "Philox4x64-10, counter 0, raw stream as little-endian uint16",
            "key": "first 16 bytes, little-endian, of sha256('imagenet-q/1/noise/' + image_id)",
            "order": "row, column, RGB",
            "z": "round(65536 * Phi^-1((u + 0.5) / 65536))",
            "z_sha256": "ee46eda6f743ea9b2949c72134d6385025bcc7573bb0fba98b3bf40224779880",
            "pixel": "clip(x + ((sigma * z + 32768) >> 16), 0, 255)",
        },
    ),
    Ladder(
        "contrast",
        "factor",
        tuple(k / 10 for k in range(10, -1, -1)),
        {
            "grey": "mean luma (ITU-R 601, as Pillow's convert('L')), rounded half up",
            "pixel": "(k * x + (10 - k) * grey + 5) // 10, k = 10 * factor",
        },
    ),
    Ladder(
        "jpeg",
        "quality",
        tuple(range(20, 1, -2)),
        {"codec": "libjpeg-turbo", "mode": "baseline, 4:2:0, integer DCT"},
    ),
    Ladder(
        "jpeg2000",
        "psnr",
        tuple(range(40, 19, -2)),
        {
            "codec": "OpenJPEG at a PSNR target in dB",
            "mode": "reversible 5/3 wavelet, colour transform, LRCP, no tiling",
            "resolutions": "min(6, 1 + floor(log2(shorter side)))",
        },
    ),
)
"""Ladders of the five distortions, in ladder order."""

SAME_AS_CLEAN, UNIFORM_GREY = "contrast-1.0", "contrast-0.0"
"""Variants with the clean image's pixels and with nothing to recognise; neither is scored."""


@cache
def variants() -> tuple[Variant, ...]:
    """List all 52 variants in ladder order: clean, then each distortion from mild to strong."""
    clean = Variant(CLEAN, CLEAN, None, None, 0)
    distorted = (
        Variant(f"{ladder.distortion}-{value}", ladder.distortion, ladder.parameter, value, level)
        for ladder in LADDERS
        for level, value in enumerate(ladder.values, start=1)
    )
    return (clean, *distorted)


@cache
def scored_variants() -> tuple[Variant, ...]:
    """List the 49 variants that scores use; they never change.

    These are all distorted variants except two: `contrast-1.0`, which is the clean image again, and
    `contrast-0.0`, a uniform grey that measures chance.
    """
    return tuple(v for v in variants()[1:] if v.name not in (SAME_AS_CLEAN, UNIFORM_GREY))


def ladder(distortion: str) -> Ladder:
    """Find the ladder of a distortion; a refusal suggests near names."""
    for candidate in LADDERS:
        if candidate.distortion == distortion:
            return candidate
    raise UsageError(_no_such("distortion", distortion, [ladder.distortion for ladder in LADDERS]))


def variant(name: str) -> Variant:
    """Find the variant of a name such as `jpeg-10` or `clean`; a refusal suggests near names."""
    for candidate in variants():
        if candidate.name == name:
            return candidate
    raise UsageError(_no_such("variant", name, [v.name for v in variants()]))


def select_variants(names: Iterable[str] | None) -> tuple[Variant, ...]:
    """Find the variants that a list of names means, in ladder order, each once; None means all.

    Names are of variants (`jpeg-10`) and of whole distortions (`blur`), in any order.
    """
    if names is None:
        return variants()
    wanted = set(names)
    if not wanted:
        raise UsageError("no variants named; leave the list out to get all of them")
    families = {v.distortion for v in variants()}
    known = families | {v.name for v in variants()}
    for name in sorted(wanted - known):
        raise UsageError(_no_such("variant or distortion", name, sorted(known)))
    return tuple(v for v in variants() if v.name in wanted or v.distortion in wanted)


def specification() -> dict[str, Any]:
    """Give the whole specification as plain JSON data."""
    return {
        "name": "imagenet-q",
        "version": SPECIFICATION_VERSION,
        "selection": {
            "image_id": "the file's stem, less a suffix _n and 8 digits",
            "rank": "within a class, ascending hex sha256('imagenet-q/1/' + image_id), from 0",
            "images_per_class": {k: n for k, n in SUBSETS.items() if n is not None},
            "order": "rank, then wnid",
        },
        "decoding": "8-bit RGB, greyscale or CMYK to RGB as Pillow does, orientation ignored",
        "geometry": "full-size original",
        "clean": CLEAN,
        "distortions": [
            {
                "name": ladder.distortion,
                "parameter": ladder.parameter,
                "values": list(ladder.values),
                "definition": ladder.definition,
            }
            for ladder in LADDERS
        ],
        "scored": [v.name for v in scored_variants()],
    }


def canonical_json() -> str:
    """Give the specification's canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(specification(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def specification_digest() -> str:
    """Compute SHA-256 (hex) of the canonical JSON."""
    return hashlib.sha256(canonical_json().encode("ascii")).hexdigest()


def _no_such(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known[:8])} .."
    return f"no {kind} {name!r}; {hint} (`imagenetq spec` lists all)"
