"""The layers' outputs themselves, of the layers that run first and last."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate import Model, Preprocessing, load_model  # noqa: E402
from imagenetq.evaluate.models.preprocessing import normalise  # noqa: E402
from imagenetq.evaluate.report.activations import responses  # noqa: E402

RAW = Preprocessing((32, 32), "bilinear", None, (0.0,) * 3, (1.0,) * 3)


class Branched(torch.nn.Module):
    """Its layers run in another order than they are listed, and rectify in place."""

    def __init__(self):
        super().__init__()
        self.late = torch.nn.Conv2d(4, 6, 3)
        self.early = torch.nn.Conv2d(3, 4, 3, stride=2)
        self.middle = torch.nn.Conv2d(4, 4, 1)
        self.unused = torch.nn.Conv2d(3, 3, 1)
        self.squeezed = torch.nn.Conv2d(6, 6, 1)
        self.rectifier = torch.nn.ReLU(inplace=True)
        self.head = torch.nn.Linear(6, 1000)

    def forward(self, inputs):
        maps = self.rectifier(self.middle(self.rectifier(self.early(inputs))))
        maps = self.rectifier(self.late(maps))
        gate = self.squeezed(maps.mean(dim=(2, 3), keepdim=True))
        return self.head((maps * gate).mean(dim=(2, 3)))


def model_of(module):
    return Model(module.eval(), RAW, None, name="x/y", parameters=1)


@pytest.fixture
def branched():
    torch.manual_seed(3)
    return model_of(Branched())


@pytest.fixture(scope="module")
def three(pictures):
    held = pictures("chelsea", ["blur-2", "noise-50"]).pixels
    return [held[name] for name in ("clean", "blur-2", "noise-50")]


def inputs_of(model, pictures):
    pixels = np.stack([model.preprocessing.pixels(picture) for picture in pictures])
    return normalise(torch.from_numpy(pixels), model.preprocessing)


def test_the_first_and_last_that_run_before_the_rectifier(branched, three):
    first, last = responses(branched, three)
    assert (first.layer, last.layer) == ("early", "late")
    with torch.inference_mode():
        expected = branched.module.early(inputs_of(branched, three)).numpy()
    assert first.maps.shape == (3, 4, 15, 15)
    assert last.maps.shape == (3, 6, 13, 13)
    assert np.allclose(first.maps, expected)
    assert (first.maps < 0).any()
    assert not any(module._forward_hooks for module in branched.module.modules())


def test_named_layers_in_the_order_asked_for(branched, three):
    found = responses(branched, three, ["late", "rectifier", "late"])
    assert [held.layer for held in found] == ["late", "rectifier"]
    # A module that runs several times is shown as it runs first.
    assert found[1].maps.shape == (3, 4, 15, 15)
    assert (found[1].maps >= 0).all()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("erly", "x/y has no layer 'erly'; did you mean early"),
        ("qqqqqq", "no layer 'qqqqqq'; did you mean late or early or middle"),
        ("", "no layer ''"),
    ],
)
def test_unknown_layers_are_wrong_usage(branched, three, layer, message):
    with pytest.raises(UsageError, match=message):
        responses(branched, three, [layer])


@pytest.mark.parametrize("layer", ["unused", "squeezed", "head"])
def test_layers_without_maps_are_refused(branched, three, layer):
    with pytest.raises(ModelError, match=f"{layer} gives no maps of more than a pixel"):
        responses(branched, three, [layer])


def test_a_network_without_convolutions_is_refused(three):
    layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 1000))
    with pytest.raises(ModelError, match="x/y: has no convolutional layer"):
        responses(model_of(layers), three)


def test_one_convolution_is_first_and_last(three):
    (only,) = responses(load_model("python/tiny_models:tiny"), three)
    assert (only.layer, only.maps.shape) == ("0", (3, 8, 6, 6))


def test_a_network_that_fails_is_one_line(three):
    with pytest.raises(ModelError, match="x/y: does not run on this picture"):
        responses(model_of(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 64))), three)


def test_the_real_networks_layers(real_file, three):
    from imagenetq.evaluate import LoadOptions

    model = load_model("torchvision/squeezenet1_0", LoadOptions(weights=real_file))
    first, last = responses(model, three)
    assert (first.layer, first.maps.shape) == ("features.0", (3, 96, 109, 109))
    assert (last.layer, last.maps.shape) == ("classifier.1", (3, 1000, 13, 13))
    # Its logits are the rectified last maps' means.
    with torch.inference_mode():
        logits = model.module(inputs_of(model, three)).numpy()
    assert np.allclose(np.maximum(last.maps, 0).mean(axis=(2, 3)), logits, atol=1e-3)
