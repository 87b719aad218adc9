"""Load the four networks of the paper's Table I, with the weights published for Caffe."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.preprocessing import Colour, Preprocessing, Size
from imagenetq.evaluate.models.weights import Weights, tensors_sha256
from imagenetq.files import sha256_of

_WHERE = "docs/paper-networks.md"
_SAMPLED = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class Published:
    """The facts about a network's published weights, with sources in `docs/paper-networks.md`."""

    file: str
    """Name of the weights file where it is published."""

    megabytes: int
    """Size of the weights file in millions of bytes, rounded."""

    side: int
    """Side of the network's input, in pixels."""

    mean_bgr: Colour
    """Mean colour subtracted from blue, green and red, 0 to 255."""

    licence: str
    """Licence of the weights."""

    top1: float | None = None
    """Clean top-1 accuracy that the authors state for one centre crop, 0 to 1; None if they state
    none."""

    left_out: tuple[str, ...] = ()
    """Beginnings of the names of layers that the file holds for training only."""


# The mean over all pixels of ilsvrc_2012_mean.npy, as Caffe's classify.py takes it.
_REFERENCE_MEAN = (104.0069879317889, 116.66876761696767, 122.6789143406786)
# The authors of VGG-CNN-S subtract a mean image; this colour is what they give with VGG-16.
_VGG_MEAN = (103.939, 116.779, 123.68)
_GOOGLENET_MEAN = (104.0, 117.0, 123.0)
# Two auxiliary classifiers, which only help to train the lower layers.
_AUXILIARY = ("loss1/", "loss2/")

PUBLISHED: dict[str, Published] = {
    "reference": Published(
        *("bvlc_reference_caffenet.caffemodel", 244, 227, _REFERENCE_MEAN, "unrestricted", 0.574)
    ),
    "vgg-cnn-s": Published("VGG_CNN_S.caffemodel", 412, 224, _VGG_MEAN, "non-commercial"),
    "vgg16": Published("VGG_ILSVRC_16_layers.caffemodel", 553, 224, _VGG_MEAN, "CC-BY"),
    "googlenet": Published(
        *("bvlc_googlenet.caffemodel", 54, 224, _GOOGLENET_MEAN, "unrestricted", 0.687, _AUXILIARY)
    ),
}
"""Published weights by the network's name in `caffe/NAME`, in Table I's order."""


def load(name: str, options: LoadOptions) -> Network:
    """Load a network of Table I from the `.caffemodel` file that the options name."""
    full_name = f"caffe/{name}"
    if name not in PUBLISHED:
        raise messages.unknown("caffe", name, PUBLISHED)
    published = PUBLISHED[name]
    if options.arguments:
        raise UsageError(f"{full_name}: takes no --model-arg; leave it out")
    file = f"its {published.file} ({published.megabytes} MB)"
    if options.weights is None:
        raise ModelError(f"{full_name}: needs --weights FILE, {file}; {_WHERE} says where it is")
    path = Path(options.weights)
    if not path.exists():
        raise ModelError(
            f"{path}: no such file; {full_name} needs {file}, and {_WHERE} says where it is"
        )
    from imagenetq.evaluate.models.caffe.load_caffemodel import filled
    from imagenetq.evaluate.models.caffe.networks import BUILDERS

    module = filled(
        *(BUILDERS[name], path, full_name),
        # In double precision, and a little more.
        most_bytes=(2 * published.megabytes + 1) * 10**6,
        left_out=published.left_out,
    )
    return Network(
        module,
        caffe_preprocessing(published.side, published.mean_bgr),
        Weights(sha256_of(path), tensors_sha256(module)),
        published_top1=published.top1,
        licence=published.licence,
    )


@dataclass(frozen=True)
class CaffePreprocessing(Preprocessing):
    """A `Preprocessing` whose resize interpolates between the nearest samples only.

    Caffe resizes with OpenCV (`convert_imageset`) or an old scikit-image (`caffe.io`), and neither
    averages over the samples that a reduction skips. Antialiasing would take much of the noise out
    of a noisy image before the network sees it: a reduction to half leaves 31 % of independent
    noise's standard deviation with Pillow's filter, and 50 % without it.
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
    a `std` of 1/255 undoes the scaling to 0..1. The mean is that of blue, green and red, 0 to 255,
    as Caffe's documents give it; the crop's side is in pixels.
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
