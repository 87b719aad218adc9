"""Small networks for `python/` model names; a module, so that the command line can import it."""

import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from imagenetq.evaluate import Preprocessing

PREPROCESSING = Preprocessing(
    resize=32, interpolation="bilinear", crop=(28, 28), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)


class Broken(nn.Module):
    """Gives logits that are not numbers, for every picture that is darker than the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1000))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n, 1000)."""
        light = inputs.mean(dim=(1, 2, 3))
        return self.bias + torch.where(light < 0, torch.nan, 1.0)[:, None]


class Gated(nn.Module):
    """A network that answers once a file is there; but for the zeros by which it is tried."""

    def __init__(self, network: nn.Module, gate: Path) -> None:
        super().__init__()
        self.network, self.gate = network, gate

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the network gives."""
        while inputs.any() and not self.gate.exists():
            time.sleep(0.05)
        return self.network(inputs)


class Light(nn.Module):
    """Answers by how light a picture is, whichever others share its batch, to the last bit."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Parameter(torch.linspace(-1, 1, 1000))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n, 1000)."""
        return torch.stack([one.mean() for one in inputs])[:, None] * self.steps


def tiny() -> tuple[nn.Module, Preprocessing]:
    """A convolution and a linear layer, the same in every process."""
    torch.manual_seed(5)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 1000)
    )
    return layers, PREPROCESSING


def broken() -> tuple[nn.Module, Preprocessing]:
    """See `Broken`."""
    return Broken(), PREPROCESSING


def gated(gate: str) -> tuple[nn.Module, Preprocessing]:
    """The tiny network, which waits for a file of this name."""
    network, preprocessing = tiny()
    return Gated(network, Path(gate)), preprocessing


def large() -> tuple[nn.Module, Preprocessing]:
    """See `Light`; of inputs as large as usual."""
    return Light(), replace(PREPROCESSING, resize=256, crop=(224, 224))
