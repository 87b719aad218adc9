"""Define the paper's networks in PyTorch, layer for layer as their deploy definitions have them.

With Caffe's weights, all take a float32 batch of shape (n, 3, side, side) of BGR samples on the
scale 0..255, minus their mean, and give logits of shape (n, 1000), which are the input of the
softmax. Layers have Caffe's names, so that a weights file can fill them; in the name of a layer of
an inception module, Caffe's slash is a level of modules here. Dropout does nothing outside training
and is left out.

This file needs torch, so it is imported only where a model is loaded.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

_Layers = dict[str, nn.Module]

_INCEPTIONS: dict[str, tuple[int, int, int, int, int, int, int]] = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}
"""Channels of each inception module: input, 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pooled.
They are from Table 1 of Szegedy et al. 2014."""


def max_pool(side: int, stride: int, padding: int = 0) -> nn.Module:
    """Make a layer that takes the maximum over square windows.

    Caffe rounds the size of the pooled map up, and lets the last window hang over the edge. With
    padding, it drops a last window that would begin outside the input and its first padding.
    PyTorch's `ceil_mode` always drops such a window. The two differ only if the stride exceeds the
    window, which is refused.
    """
    if stride > side:
        raise ValueError(f"stride {stride} exceeds the window of {side}")
    return nn.MaxPool2d(side, stride, padding=padding, ceil_mode=True)


def normalisation(alpha: float, k: float) -> nn.Module:
    """Make a local response normalisation over 5 channels.

    It gives `x / (k + alpha / 5 * sum(x**2)) ** 0.75`. Both libraries divide `alpha` by 5, and
    count channels beyond the ends as zeros.
    """
    return nn.LocalResponseNorm(5, alpha=alpha, beta=0.75, k=k)


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


class Inception(nn.ModuleDict):
    """An inception module: four branches side by side, each of one or two convolutions."""

    def __init__(
        self, inputs: int, n1: int, n3_reduced: int, n3: int, n5_reduced: int, n5: int, pooled: int
    ) -> None:
        """Make the branches; the numbers are channels, in the order of `_INCEPTIONS`."""
        convolutions = {
            "1x1": nn.Conv2d(inputs, n1, 1),
            "3x3_reduce": nn.Conv2d(inputs, n3_reduced, 1),
            "3x3": nn.Conv2d(n3_reduced, n3, 3, padding=1),
            "5x5_reduce": nn.Conv2d(inputs, n5_reduced, 1),
            "5x5": nn.Conv2d(n5_reduced, n5, 5, padding=2),
            "pool_proj": nn.Conv2d(inputs, pooled, 1),
        }
        rectifiers = {f"relu_{name}": nn.ReLU(inplace=True) for name in convolutions}
        super().__init__({**convolutions, **rectifiers, "pool": max_pool(3, 1, padding=1)})

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Turn a batch of shape (n, inputs, h, w) into one of (n, n1 + n3 + n5 + pooled, h, w)."""
        branches = [
            self._convolved(inputs, "1x1"),
            self._convolved(self._convolved(inputs, "3x3_reduce"), "3x3"),
            self._convolved(self._convolved(inputs, "5x5_reduce"), "5x5"),
            self._convolved(self["pool"](inputs), "pool_proj"),
        ]
        return torch.cat(branches, dim=1)

    def _convolved(self, inputs: torch.Tensor, name: str) -> torch.Tensor:
        outputs: torch.Tensor = self[f"relu_{name}"](self[name](inputs))
        return outputs


def googlenet() -> nn.Module:
    """Make BVLC GoogLeNet with its main classifier only, as it is deployed.

    The input's side is 224, and there are 6,998,552 parameters. The "21 convolutional layers" of
    Dodge & Karam's Table I are those on the longest way through: 3, and 2 in each of 9 inception
    modules, of 57 in all. With the full layer it is "22 layers deep" (Szegedy et al.).

    Source: BVLC's `models/bvlc_googlenet/deploy.prototxt`.
    """
    layers: dict[str, nn.Module] = {
        "conv1/7x7_s2": nn.Conv2d(3, 64, 7, stride=2, padding=3),
        "conv1/relu_7x7": nn.ReLU(inplace=True),
        "pool1/3x3_s2": max_pool(3, 2),
        "pool1/norm1": normalisation(alpha=1e-4, k=1),
        "conv2/3x3_reduce": nn.Conv2d(64, 64, 1),
        "conv2/relu_3x3_reduce": nn.ReLU(inplace=True),
        "conv2/3x3": nn.Conv2d(64, 192, 3, padding=1),
        "conv2/relu_3x3": nn.ReLU(inplace=True),
        "conv2/norm2": normalisation(alpha=1e-4, k=1),
        "pool2/3x3_s2": max_pool(3, 2),
    }
    for name, channels in _INCEPTIONS.items():
        layers[f"inception_{name}"] = Inception(*channels)
        if name in ("3b", "4e"):
            layers[f"pool{name[0]}/3x3_s2"] = max_pool(3, 2)
    layers["pool5/7x7_s1"] = nn.AvgPool2d(7)
    layers["flatten"] = nn.Flatten()
    layers["loss3/classifier"] = nn.Linear(1024, 1000)
    return nn.Sequential(OrderedDict(layers))


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
