"""Line up who races in `render.py`: this package, and what others would render levels with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import measure
import numpy as np
from PIL import Image, ImageEnhance

from imagenetq import render_ladder
from imagenetq.distortions import DISTORTIONS, Pixels
from imagenetq.specification import Value, ladder, select_variants

Render = Callable[[Pixels], object]

OURS = "ours"

# What imagecorruptions' severities 1 to 5 mean, in the ladders' own units, since it hides these
# tables in its functions.
SEVERITIES: dict[str, tuple[str, tuple[float, ...]]] = {
    "noise": ("gaussian_noise", tuple(255 * c for c in (0.08, 0.12, 0.18, 0.26, 0.38))),
    "contrast": ("contrast", (0.4, 0.3, 0.2, 0.1, 0.05)),
    "jpeg": ("jpeg_compression", (25, 18, 15, 10, 7)),
}


@dataclass(frozen=True)
class Contender:
    """One way to render all levels of one distortion."""

    distortion: str
    """Distortion that it renders."""

    name: str
    """Name for the table."""

    render: Render | None
    """Renders all levels of an image; None where it cannot be had."""

    note: str = ""
    """Why it cannot be had, or what is to be known of it."""


def line_up(scratch: Path, probe: Pixels) -> tuple[list[Contender], list[str]]:
    """List our way and the peers', and what is to be said of them.

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
    """Give this package's way."""
    rungs = select_variants([distortion])
    return lambda pixels: list(render_ladder(pixels, image_id="benchmark", only=rungs))


def scikit_image_blur(pixels: Pixels) -> None:
    """Blur as imagecorruptions would, with the argument's name that scikit-image has now."""
    from skimage import filters

    gaussian: Any = filters.gaussian
    for sigma in ladder("blur").values:
        blurred = gaussian(pixels / 255.0, sigma=sigma, truncate=2, channel_axis=-1)
        np.uint8(np.clip(blurred, 0, 1) * 255)


def opencv_blur() -> tuple[str, Render | None, str]:
    """Give OpenCV's 8-bit blur, which imagecorruptions brings along."""
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
    """Add fresh noise at every level."""
    from skimage import util

    random_noise: Any = util.random_noise
    for sigma in ladder("noise").values:
        np.uint8(random_noise(pixels, var=(sigma / 255) ** 2) * 255)


def pillow_contrast(pixels: Pixels) -> None:
    """Blend as we do, after Haeberli & Voorhies."""
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
    """Give glymur's way with the system's OpenJPEG, through files, one level at a time."""
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
    """List imagecorruptions' functions that have a counterpart here, and say which of all fail."""
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
    """Find the severity, from 1, whose strength is nearest to a value of the ladder."""
    return 1 + min(range(len(strengths)), key=lambda index: abs(strengths[index] - value))
