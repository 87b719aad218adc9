"""Small networks for `python/` model names; a module, so that the command line can import it."""

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
