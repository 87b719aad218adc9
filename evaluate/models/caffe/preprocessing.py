"""Caffe's own preprocessing: a warp without antialiasing, and a crop from the centre."""

from dataclasses import dataclass

from PIL import Image

from imagenetq.errors import UsageError
from imagenetq.evaluate.models.preprocessing import Colour, Preprocessing, Size

_SAMPLED = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class CaffePreprocessing(Preprocessing):
    """As `Preprocessing`, but the resize interpolates between the nearest samples only.

    Caffe resizes with OpenCV (`convert_imageset`) or an old scikit-image (`caffe.io`), and neither
    averages over the samples that a reduction skips. Antialiasing would take much of the noise
    out of a noisy picture before the network sees it: of independent noise, a reduction to half
    leaves 31 % of the standard deviation with Pillow's filter and 50 % without it.

    Raises:
        UsageError: the interpolation cannot be had without antialiasing.
    """

    antialias: bool = False
    """Always False; recorded, because everywhere else it is True."""

    def __post_init__(self) -> None:
        if self.interpolation not in _SAMPLED:
            raise UsageError(
                f"interpolation {self.interpolation!r}: Caffe's networks take {', '.join(_SAMPLED)}"
            )

    def _resample(self, image: Image.Image, size: Size) -> Image.Image:
        area = (0, 0, image.width, image.height)
        filter_ = Image.Resampling[self.interpolation.upper()]
        return image.transform(size, Image.Transform.EXTENT, area, filter_)


def caffe_preprocessing(side: int, mean_bgr: Colour) -> CaffePreprocessing:
    """Warp to 256x256 whatever the shape, crop the centre, subtract a mean colour.

    The module gets RGB on Caffe's scale 0..255 (a `std` of 1/255 undoes the scaling to 0..1).

    Args:
        side: of the crop, in pixels.
        mean_bgr: blue, green and red, 0 to 255, as Caffe's documents give it.
    """
    blue, green, red = (value / 255 for value in mean_bgr)
    return CaffePreprocessing(
        resize=(256, 256),
        interpolation="bilinear",
        crop=(side, side),
        mean=(red, green, blue),
        std=(1 / 255, 1 / 255, 1 / 255),
        corner="down",
    )
