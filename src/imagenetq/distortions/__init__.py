"""Define the reference distortions: pure functions that give a distorted image for each value."""

from imagenetq.distortions import blur, contrast, jpeg, jpeg2000, noise
from imagenetq.distortions.base import Distorted, Distortion, Pixels, Undistorted

DISTORTIONS: dict[str, Distortion] = {
    "blur": blur.blur,
    "noise": noise.noise,
    "contrast": contrast.contrast,
    "jpeg": jpeg.jpeg,
    "jpeg2000": jpeg2000.jpeg2000,
}

__all__ = ["DISTORTIONS", "Distorted", "Distortion", "Pixels", "Undistorted"]
