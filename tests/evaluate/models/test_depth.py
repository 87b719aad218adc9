import warnings

import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402

from imagenetq.evaluate.models.depth import Depth, depth  # noqa: E402


def make(name: str) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # GoogLeNet's initialisation.
        return torchvision.models.get_model(name, weights=None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alexnet", Depth(5, 3)),
        ("vgg16", Depth(13, 3)),
        # 9 fire modules of 2, one before and one after.
        ("squeezenet1_0", Depth(18, 0)),
        # 22 layers deep: 9 inception modules of 2, 3 before, 1 after.
        ("googlenet", Depth(21, 1)),
        # 18 layers; the 3 convolutions of the shortcuts lie beside the longest way.
        ("resnet18", Depth(17, 1)),
        ("resnet50", Depth(49, 1)),
        ("densenet121", Depth(120, 1)),
    ],
)
def test_depth_is_what_papers_count(name: str, expected: Depth) -> None:
    assert depth(make(name), (224, 224)) == expected


def test_linear_layers_of_a_transformer() -> None:
    # Each of 12 blocks: query, key and value in one, their projection, and two.
    assert depth(make("vit_b_16"), (224, 224)) == Depth(1, 12 * 4 + 1)


class Branches(nn.Module):
    """Two ways, one of two convolutions and one of a layer that is used three times."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 3, 1)
        self.other = nn.Conv2d(3, 3, 1, bias=False)
        self.unused = nn.Conv2d(3, 3, 1)
        self.full = nn.Linear(3, 5)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        left = self.one(self.one(inputs))
        right = self.other(self.other(self.other(inputs)))
        return self.full((left * right).mean((2, 3)))


def test_counts_layers_as_they_run() -> None:
    assert depth(Branches(), (8, 8)) == Depth(3, 1)


def test_frozen_networks_are_deep_too() -> None:
    network = Branches().requires_grad_(False)
    with torch.inference_mode():
        assert depth(network, (8, 8)) == Depth(3, 1)


def test_leaves_the_network_as_it_was() -> None:
    network = Branches().train()
    network.one.eval()
    depth(network, (8, 8))
    assert (network.training, network.one.training, network.other.training) == (True, False, True)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_very_deep_networks_do_not_exceed_the_stack() -> None:
    network = nn.Sequential(*[nn.Conv2d(3, 3, 1) for _ in range(3000)], nn.Flatten())
    assert depth(network, (1, 1)) == Depth(3000, 0)


class Outside(nn.Module):
    """Reckons where autograd does not see it."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(inputs.detach().numpy().mean((2, 3)))


def test_what_autograd_does_not_see_has_no_known_depth() -> None:
    assert depth(Outside(), (8, 8)) is None
