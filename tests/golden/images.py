"""The small images whose every variant is pinned, the same on every machine.

Made with integer arithmetic and raw Philox streams, which numpy guarantees; two are files, so
that decoding greyscale and CMYK is pinned too; one is a real photograph, where there is one.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagenetq.decoding import decode
from imagenetq.selfcheck import calibration_card

Pixels = NDArray[np.uint8]

PHOTOGRAPH = "chelsea"
"""The image that only exists where scikit-image, or a path to its photograph, is at hand."""

_HERE = Path(__file__).parent


def find_photograph() -> Path | None:
    """Scikit-image's photograph of the cat Chelsea, 451x300; None without scikit-image."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "data" / "chelsea.png"
    return path if path.exists() else None


def images(photograph: Path | None = None) -> dict[str, Pixels]:
    """All images by name; `chelsea` only if a photograph is given."""
    made = {
        "one-pixel": np.array([[[200, 30, 90]]], np.uint8),
        "column": _random(37, 1, key=1),
        "row": _random(1, 41, key=2),
        "smaller-than-the-kernel": _random(5, 7, key=3),
        "uniform": np.full((24, 35, 3), (17, 130, 201), np.uint8),
        "saturated": _saturated(33, 47),
        "texture": _texture(61, 83),
        "two-bands": _texture(211, 263),
        "rate-control": calibration_card(),
        "grey-jpeg": _decoded("grey.jpg"),
        "cmyk-jpeg": _decoded("cmyk.jpg"),
    }
    if photograph is not None:
        made[PHOTOGRAPH] = decode(photograph.read_bytes(), str(photograph))
    return made


def _random(height: int, width: int, *, key: int) -> Pixels:
    raw = np.random.Philox(key=key).random_raw(height * width * 3)
    return (raw >> np.uint64(56)).astype(np.uint8).reshape(height, width, 3)


def _saturated(height: int, width: int) -> Pixels:
    rows, columns = np.indices((height, width))
    planes = [(rows // 5 + columns // period) % 2 for period in (3, 7, 11)]
    return (np.stack(planes, axis=2) * 255).astype(np.uint8)


def _texture(height: int, width: int) -> Pixels:
    rows, columns = np.indices((height, width))
    ramps = [rows * 255 // height, columns * 255 // width, (rows * columns // 7) % 256]
    grain = _random(height, width, key=4).astype(np.int64) // 4 - 32
    return np.clip(np.stack(ramps, axis=2) + grain, 0, 255).astype(np.uint8)


def _decoded(name: str) -> Pixels:
    return decode((_HERE / name).read_bytes(), name)
