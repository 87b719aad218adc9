"""Define CaffeNet, VGG-CNN-S and VGG-16, layer for layer as their deploy definitions have them.

With Caffe's weights, all take a float32 batch of shape (n, 3, side, side) of BGR samples on the
scale 0..255, minus their mean, and give logits of shape (n, 1000), which are the input of the
softmax. Layers have Caffe's names, so that a weights file can fill them. Dropout does nothing
outside training and is left out.

This file needs torch, so it is imported only where a model is loaded.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from torch import nn

from imagenetq.evaluate.models.caffe.googlenet import googlenet
from imagenetq.evaluate.models.caffe.layers import max_pool, normalisation

_Layers = dict[str, nn.Module]


def caffenet() -> nn.Module:
    """Make BVLC Reference CaffeNet: AlexNet, but with each pooling before its normalisation.

    The input's side is 227. There are 5 convolutions, 3 full layers and 60,965,224 parameters.

    Source: BVLC's `models/bvlc_reference_caffenet/deploy.prototxt`.
    """
    return _sequential(
        _conv("1", 3, 96, 11, stride=4),
        {"pool1": max_pool(3, 2), "norm1": normalisation(alpha=1e-4, k=1)},
        _conv("2", 96, 256, 5, padding=2, groups=2),
        {"pool2": max_pool(3, 2), "norm2": normalisation(alpha=1e-4, k=1)},
        _conv("3", 256, 384, 3, padding=1),
        _conv("4", 384, 384, 3, padding=1, groups=2),
        _conv("5", 384, 256, 3, padding=1, groups=2),
        {"pool5": max_pool(3, 2)},
        _full_layers(256 * 6 * 6),
    )


def vgg_cnn_s() -> nn.Module:
    """Make VGG-CNN-S, "slow", of Chatfield et al., "Return of the Devil in the Details", 2014.

    The input's side is 224. There are 5 convolutions, 3 full layers and 102,908,520 parameters.

    Source: the authors' `VGG_CNN_S_deploy.prototxt`.
    """
    return _sequential(
        _conv("1", 3, 96, 7, stride=2),
        {"norm1": normalisation(alpha=5e-4, k=2), "pool1": max_pool(3, 3)},
        _conv("2", 96, 256, 5),
        {"pool2": max_pool(2, 2)},
        _conv("3", 256, 512, 3, padding=1),
        _conv("4", 512, 512, 3, padding=1),
        _conv("5", 512, 512, 3, padding=1),
        {"pool5": max_pool(3, 3)},
        _full_layers(512 * 6 * 6),
    )


def vgg16() -> nn.Module:
    """Make VGG-16, configuration D of Simonyan & Zisserman 2014.

    The input's side is 224. There are 13 convolutions, 3 full layers and 138,357,544 parameters.

    Source: the authors' `VGG_ILSVRC_16_layers_deploy.prototxt`.
    """
    layers: list[_Layers] = []
    inputs = 3
    for block, (n_convolutions, outputs) in enumerate(
        [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1
    ):
        for index in range(1, n_convolutions + 1):
            layers.append(_conv(f"{block}_{index}", inputs, outputs, 3, padding=1))
            inputs = outputs
        layers.append({f"pool{block}": max_pool(2, 2)})
    return _sequential(*layers, _full_layers(512 * 7 * 7))


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "reference": caffenet,
    "vgg-cnn-s": vgg_cnn_s,
    "vgg16": vgg16,
    "googlenet": googlenet,
}
"""Functions that make the networks, by the network's name in `caffe/NAME`."""


def _conv(name: str, inputs: int, outputs: int, side: int, **options: Any) -> _Layers:
    return {
        f"conv{name}": nn.Conv2d(inputs, outputs, side, **options),
        f"relu{name}": nn.ReLU(inplace=True),
    }


def _full_layers(inputs: int) -> _Layers:
    return {
        "flatten": nn.Flatten(),
        "fc6": nn.Linear(inputs, 4096),
        "relu6": nn.ReLU(inplace=True),
        "fc7": nn.Linear(4096, 4096),
        "relu7": nn.ReLU(inplace=True),
        "fc8": nn.Linear(4096, 1000),
    }


def _sequential(*parts: _Layers) -> nn.Module:
    return nn.Sequential(OrderedDict(item for part in parts for item in part.items()))
