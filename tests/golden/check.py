"""Render every variant of the golden images and compare with `pixels.json`.

Needs numpy, Pillow, scipy, glymur and the repository's root on PYTHONPATH, nothing else, so that
any interpreter and any version can be asked: `PYTHONPATH=. python tests/golden/check.py`.
"""

import argparse
import hashlib
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from PIL import features

from imagenetq.rendering import render_ladder
from images import PHOTOGRAPH, Pixels, find_photograph, images

GOLDEN = Path(__file__).with_name("pixels.json")

Hashes = dict[str, dict[str, str]]
"""By image and variant: hex SHA-256 of the RGB samples, row by row."""


def versions() -> dict[str, str]:
    """What renders here."""
    packages = ("numpy", "pillow", "scipy", "glymur")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: version(package) for package in packages},
        "libjpeg-turbo": str(features.version("libjpeg_turbo")),
        "openjpeg": str(features.version("jpg_2000")),
    }


def rendered(originals: dict[str, Pixels]) -> Hashes:
    """The hashes of all variants of the images, computed here and now."""
    return {
        name: {
            each.variant.name: hashlib.sha256(each.pixels.tobytes()).hexdigest()
            for each in render_ladder(pixels, image_id=f"golden-{name}")
        }
        for name, pixels in originals.items()
    }


def golden() -> Hashes:
    """The pinned hashes."""
    hashes: Hashes = json.loads(GOLDEN.read_text(encoding="utf-8"))["images"]
    return hashes


def differences(expected: Hashes, actual: Hashes) -> list[str]:
    """A line `IMAGE VARIANT: what` for each hash that is not the same on both sides."""
    pairs = {(name, v) for side in (expected, actual) for name in side for v in side[name]}
    lines = []
    for name, variant in sorted(pairs):
        pinned = expected.get(name, {}).get(variant)
        here = actual.get(name, {}).get(variant)
        if pinned != here:
            what = "not pinned" if pinned is None else "missing" if here is None else "differs"
            lines.append(f"{name} {variant}: {what}")
    return lines


def main() -> int:
    """Compare, print, and return the exit status: 0 all the same, 1 something differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photograph", type=Path, default=find_photograph(), help="scikit-image's chelsea.png"
    )
    photograph = parser.parse_args().photograph
    print(", ".join(f"{name} {number}" for name, number in versions().items()))
    expected = golden()
    if photograph is None:
        del expected[PHOTOGRAPH]
        print(f"{PHOTOGRAPH}: left out, scikit-image is not installed")
    lines = differences(expected, rendered(images(photograph)))
    for line in lines:
        print(line)
    total = sum(len(hashes) for hashes in expected.values())
    print(f"{total} variants of {len(expected)} images: {len(lines) or 'no'} differences")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
