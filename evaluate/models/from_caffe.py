"""Load the four networks of the paper's Table I, with the weights published for Caffe."""

from dataclasses import dataclass
from pathlib import Path

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.caffe.preprocessing import caffe_preprocessing
from imagenetq.evaluate.models.preprocessing import Colour
from imagenetq.evaluate.models.weights import Weights, tensors_sha256
from imagenetq.files import sha256_of

_WHERE = "docs/paper-networks.md"


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

    @property
    def most_bytes(self) -> int:
        """The most bytes that the file could have: in double precision, and a little more."""
        return (2 * self.megabytes + 1) * 10**6


PUBLISHED: dict[str, Published] = {
    "reference": Published(
        file="bvlc_reference_caffenet.caffemodel",
        megabytes=244,
        side=227,
        # The mean over all pixels of ilsvrc_2012_mean.npy, as Caffe's classify.py takes it.
        mean_bgr=(104.0069879317889, 116.66876761696767, 122.6789143406786),
        licence="unrestricted",
        top1=0.574,
    ),
    "vgg-cnn-s": Published(
        file="VGG_CNN_S.caffemodel",
        megabytes=412,
        side=224,
        # Its authors subtract a mean image; this is the mean colour that they give with VGG-16.
        mean_bgr=(103.939, 116.779, 123.68),
        licence="non-commercial",
    ),
    "vgg16": Published(
        file="VGG_ILSVRC_16_layers.caffemodel",
        megabytes=553,
        side=224,
        mean_bgr=(103.939, 116.779, 123.68),
        licence="CC-BY",
    ),
    "googlenet": Published(
        file="bvlc_googlenet.caffemodel",
        megabytes=54,
        side=224,
        mean_bgr=(104.0, 117.0, 123.0),
        licence="unrestricted",
        top1=0.687,
        # These are two auxiliary classifiers, which only help to train the lower layers.
        left_out=("loss1/", "loss2/"),
    ),
}
"""Published weights by the network's name in `caffe/NAME`, in Table I's order."""


def load(name: str, options: LoadOptions) -> Network:
    """Load a network of Table I from the `.caffemodel` file that the options name.

    Raises:
        UsageError: arguments are given, which these networks do not take.
        ModelError: there is no such network; or its file is not given, cannot be read, or does not
            fit.
    """
    full_name = f"caffe/{name}"
    if name not in PUBLISHED:
        raise messages.unknown("caffe", name, PUBLISHED)
    published = PUBLISHED[name]
    if options.arguments:
        raise UsageError(f"{full_name}: takes no --model-arg; leave it out")
    if options.weights is None:
        raise ModelError(
            f"{full_name}: needs --weights FILE, its {published.file} ({published.megabytes} MB); "
            f"{_WHERE} says where it is"
        )
    path = Path(options.weights)
    if not path.exists():
        raise ModelError(
            f"{path}: no such file; {full_name} needs its {published.file} "
            f"({published.megabytes} MB), and {_WHERE} says where it is"
        )
    from imagenetq.evaluate.models.caffe.load_caffemodel import filled
    from imagenetq.evaluate.models.caffe.networks import BUILDERS

    module = filled(
        BUILDERS[name],
        path,
        full_name,
        most_bytes=published.most_bytes,
        left_out=published.left_out,
    )
    return Network(
        module,
        caffe_preprocessing(published.side, published.mean_bgr),
        Weights(sha256_of(path), tensors_sha256(module)),
        published_top1=published.top1,
        licence=published.licence,
    )
