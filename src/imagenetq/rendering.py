"""Render any variant of an image, or the whole ladder at the cost of one decode."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np
from PIL import Image

from imagenetq.distortions import DISTORTIONS, Distorted, Pixels, Undistorted
from imagenetq.errors import PlatformError, UsageError
from imagenetq.specification import CLEAN, Value, Variant, variant, variants

AnyImage = TypeVar("AnyImage", Pixels, Image.Image)


@dataclass(frozen=True)
class Rendered:
    """One variant of one image."""

    variant: Variant
    """Variant that was rendered."""

    pixels: Pixels
    """RGB samples, uint8 of shape (height, width, 3), of the original's size."""

    codestream: bytes | None
    """JPEG or JPEG 2000 file that decodes to `pixels`; None for other variants."""


def render(image: AnyImage, name: str, *, image_id: str | None = None) -> AnyImage:
    """Render one variant.

    Args:
        image: an RGB array, uint8 of shape (height, width, 3), or a Pillow image.
        name: the variant's name, such as `"jpeg-10"`.
        image_id: keys the noise; only noise needs it. For an ImageNet photograph it is the file's
            stem, such as `"ILSVRC2012_val_00000293"`.

    Returns:
        The distorted image, as an array if an array was given, else as an RGB Pillow image.

    Raises:
        UsageError: there is no such variant, the array has another shape or type, or noise is
            asked for without an id.
    """
    (rendered,) = render_ladder(image, image_id=image_id, only=[variant(name)])
    if isinstance(image, Image.Image):
        return Image.fromarray(rendered.pixels)
    return rendered.pixels


def render_ladder(
    image: Pixels | Image.Image,
    *,
    image_id: str | None = None,
    only: Iterable[Variant] | None = None,
) -> Iterator[Rendered]:
    """Render many variants of one image, sharing one noise field and one JPEG 2000 encoding.

    Args:
        image: as for `render`.
        image_id: as for `render`.
        only: the variants to render; all 52 if left out.

    Yields:
        The variants in ladder order, one at a time, so that memory holds few of them.

    Raises:
        UsageError: as for `render`.
        PlatformError: this machine's codecs fail on an image that they should accept.
    """
    original = Undistorted(_as_pixels(image), image_id)
    wanted = set(variants() if only is None else only)
    ordered = [v for v in variants() if v in wanted]
    for distortion, rungs in groupby(ordered, key=lambda v: v.distortion):
        ladder = list(rungs)
        if distortion == CLEAN:
            yield Rendered(ladder[0], original.pixels, None)
            continue
        for rung, distorted in zip(ladder, _distort(original, distortion, ladder), strict=True):
            yield Rendered(rung, distorted.pixels, distorted.codestream)


def _distort(original: Undistorted, distortion: str, rungs: list[Variant]) -> Iterator[Distorted]:
    values: list[Value] = [rung.value for rung in rungs if rung.value is not None]
    try:
        yield from DISTORTIONS[distortion](original, values)
    except (OSError, ValueError) as error:  # Pillow's encoders raise these.
        raise PlatformError(
            f"{original.image_id}: {distortion} fails here ({error}); install Pillow again, or "
            "leave the photograph out"
        ) from error


def _as_pixels(image: Pixels | Image.Image) -> Pixels:
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise UsageError(
            f"an RGB image is a uint8 array of shape (height, width, 3), "
            f"not {array.dtype} of shape {array.shape}"
        )
    return np.ascontiguousarray(array)
