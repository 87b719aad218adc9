"""Preprocess images as Caffe does: a warp without antialiasing, and a crop from the centre."""

from dataclasses import dataclass

from PIL import Image

from imagenetq.errors import UsageError
from imagenetq.evaluate.models.preprocessing import Colour, Preprocessing, Size

_SAMPLED = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class CaffePreprocessing(Preprocessing):
    """A `Preprocessing` whose resize interpolates between the nearest samples only.

    Caffe resizes with OpenCV (`convert_imageset`) or an old scikit-image (`caffe.io`), and neither
    averages over the samples that a reduction skips. Antialiasing would take much of the noise
    out of a noisy image before the network sees it: a reduction to half leaves 31 % of independent
    noise's standard deviation with Pillow's filter, and 50 % without it.

    Raises:
        UsageError: the interpolation cannot be had without antialiasing.
    """

    antialias: bool = False
    """Always False. It is a field so that the entry records it, as all else is antialiased."""

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
    """Make the preprocessing that warps to 256x256, crops the centre and subtracts a mean colour.

    The warp does not keep the image's shape. The module gets RGB on Caffe's scale 0..255, because
    a `std` of 1/255 undoes the scaling to 0..1.

    Args:
        side: side of the crop, in pixels.
        mean_bgr: mean of blue, green and red, 0 to 255, as Caffe's documents give it.
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
