"""Check that this machine renders the pixels that the specification demands, before every build.

A faulty BLAS, a patched codec or a future library shows here within a tenth of a second, and not
in a published dataset.
"""

import hashlib
import re
from functools import cache

import numpy as np
from PIL import features

from imagenetq.distortions import Pixels
from imagenetq.errors import PlatformError
from imagenetq.record import pixel_sha256
from imagenetq.rendering import render_ladder

_OLDEST_OPENJPEG = (2, 5, 2)
_EXPECTED = "18339c4e6de225757f774d3fd96630445c7da4592dd4875f44f22db30c146a5e"


def calibration_card() -> Pixels:
    """Draw a picture with ramps, edges, saturation and grain; uint8 of shape (61, 83, 3).

    It was chosen so that a known difference shows: OpenJPEG 2.5.0 ends its search for a quality
    layer's threshold later than its successors. That changes about one JPEG 2000 row in a thousand,
    and this picture at 36 dB.
    """
    rows, columns = np.indices((61, 83), dtype=np.int64)
    edges = np.where((rows // 10 + columns // 2) % 2 == 0, 230, 30)
    planes = [(rows * 14 + columns * 7) % 256, rows * columns // 7 % 256, edges]
    raw = np.random.Philox(key=346).random_raw(61 * 83 * 3) >> np.uint64(56)
    grain = raw.astype(np.int64).reshape(61, 83, 3) // 6 - 21
    return np.clip(np.stack(planes, axis=2) + grain, 0, 255).astype(np.uint8)


def rendering_digest() -> str:
    """Compute SHA-256 (hex) over the names and pixel hashes of the calibration card's variants."""
    lines = (
        f"{rendered.variant.name}\t{pixel_sha256(rendered.pixels)}\n"
        for rendered in render_ladder(calibration_card(), image_id="selfcheck")
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def check_platform() -> None:
    """Render the calibration card, and compare its digest with the specification's."""
    openjpeg = features.version_codec("jpg_2000") or "absent"
    if tuple(map(int, re.findall(r"\d+", openjpeg))) < _OLDEST_OPENJPEG:
        raise PlatformError(
            f"Pillow's OpenJPEG here is {openjpeg}, whose rate control gives other pixels; "
            "install Pillow's official wheel, or build it with OpenJPEG 2.5.2 or newer"
        )
    if rendering_digest() != _EXPECTED:
        raise PlatformError(
            "this machine's numpy, scipy or Pillow renders other pixels than ImageNet-Q's; "
            "install the versions that pyproject.toml allows from their official wheels"
        )
