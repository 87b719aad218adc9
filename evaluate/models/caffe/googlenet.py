"""Define BVLC GoogLeNet, layer for layer as its deploy definition has it.

Its input, output and names are those of `networks.py`, with one exception: in the name of a layer
of an inception module, Caffe's slash is a level of modules here.

This file needs torch, so it is imported only where a model is loaded.
"""

from collections import OrderedDict

import torch
from torch import nn

from imagenetq.evaluate.models.caffe.layers import max_pool, normalisation

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


class Inception(nn.ModuleDict):
    """An inception module: four branches side by side, each of one or two convolutions."""

    def __init__(
        self, inputs: int, n1: int, n3_reduced: int, n3: int, n5_reduced: int, n5: int, pooled: int
    ) -> None:
        """Make the branches; the numbers are channels, in the order of `_INCEPTIONS`."""
        super().__init__(
            {
                "1x1": nn.Conv2d(inputs, n1, 1),
                "relu_1x1": nn.ReLU(inplace=True),
                "3x3_reduce": nn.Conv2d(inputs, n3_reduced, 1),
                "relu_3x3_reduce": nn.ReLU(inplace=True),
                "3x3": nn.Conv2d(n3_reduced, n3, 3, padding=1),
                "relu_3x3": nn.ReLU(inplace=True),
                "5x5_reduce": nn.Conv2d(inputs, n5_reduced, 1),
                "relu_5x5_reduce": nn.ReLU(inplace=True),
                "5x5": nn.Conv2d(n5_reduced, n5, 5, padding=2),
                "relu_5x5": nn.ReLU(inplace=True),
                "pool": max_pool(3, 1, padding=1),
                "pool_proj": nn.Conv2d(inputs, pooled, 1),
                "relu_pool_proj": nn.ReLU(inplace=True),
            }
        )

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
