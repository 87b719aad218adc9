"""Does this machine render the pixels that the specification demands? Asked before every build.

A faulty BLAS, a patched codec or a library from the future would show here, in a tenth of a
second, and not in a published dataset.
"""

import hashlib
from functools import cache

import numpy as np

from imagenetq.distortions import Pixels
from imagenetq.errors import PlatformError
from imagenetq.record import pixel_sha256
from imagenetq.rendering import render_ladder

_EXPECTED = "0a44c4937148294818055349895354bb138b6ce57f42f605702b385941e36610"


def calibration_card() -> Pixels:
    """A synthetic picture with gradients, edges, saturation and texture; shape (75, 106, 3)."""
    rows, columns = np.indices((75, 106), dtype=np.int64)
    texture = np.random.Philox(key=1).random_raw(75 * 106).reshape(75, 106) % 64
    red = (rows * 5 + columns * 2) % 256
    green = np.where((rows // 12 + columns // 9) % 2 == 0, 250, 12)
    blue = np.clip(rows * columns // 16 + texture.astype(np.int64) - 32, 0, 255)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def rendering_digest() -> str:
    """SHA-256 (hex) over the names and pixel hashes of all variants of the calibration card."""
    lines = (
        f"{rendered.variant.name}\t{pixel_sha256(rendered.pixels)}\n"
        for rendered in render_ladder(calibration_card(), image_id="selfcheck")
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def check_platform() -> None:
    """Render the calibration card and compare.

    Raises:
        PlatformError: a pixel differs from the specification's.
    """
    if rendering_digest() != _EXPECTED:
        raise PlatformError(
            "this machine's numpy, scipy or Pillow renders other pixels than ImageNet-Q's; "
            "install the versions that pyproject.toml allows from their official wheels"
        )
