from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, load_model  # noqa: E402
from imagenetq.evaluate.models.preprocessing import OpaquePreprocessing, Preprocessing  # noqa: E402

MODULE = """
import torch
from imagenetq.evaluate.models.preprocessing import Preprocessing
from torchvision.transforms._presets import ImageClassification

class Net(torch.nn.Module):
    def __init__(self, outputs=1000):
        super().__init__()
        self.head = torch.nn.Linear(3, outputs)

    def forward(self, inputs):
        return self.head(inputs.mean((2, 3)))

def net(outputs=1000):
    return Net(outputs), Preprocessing(32, "box", (32, 32), (0.5,) * 3, (0.5,) * 3)

def convert(image):
    return torch.zeros(3, 8, 8)

def with_callable():
    return Net(), convert

def with_preset():
    return Net(), ImageClassification(crop_size=64, resize_size=70)

def alone():
    return Net()

def number_first():
    return 3, convert

def number_second():
    return Net(), 3

def fails():
    raise ValueError("no\\nluck")
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_networks.py").write_text(MODULE)
    (tmp_path / "broken_network.py").write_text("import no_such_package")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "my_networks", raising=False)


def test_loads_a_network_of_ones_own() -> None:
    model = load_model("python/my_networks:net")

    assert model.preprocessing == Preprocessing(32, "box", (32, 32), (0.5,) * 3, (0.5,) * 3)
    assert model.parameters == 4000
    assert model.weights_sha256 is not None
    assert model.module(torch.zeros(2, 3, 32, 32)).shape == (2, 1000)


def test_takes_a_callable_as_preprocessing() -> None:
    model = load_model("python/my_networks:with_callable")

    assert isinstance(model.preprocessing, OpaquePreprocessing)
    assert model.preprocessing.record() == {"callable": "my_networks.convert"}


def test_takes_torchvisions_preset_apart() -> None:
    preprocessing = load_model("python/my_networks:with_preset").preprocessing
    assert isinstance(preprocessing, Preprocessing)
    assert preprocessing.input_size == (64, 64)


def test_arguments_weights_and_class_map(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save({"head.weight": torch.ones(1001, 3), "head.bias": torch.arange(1001.0)}, file)
    options = LoadOptions(
        weights=str(file), arguments={"outputs": 1001}, class_map=tuple(range(1, 1001))
    )
    model = load_model("python/my_networks:net", options)
    assert torch.equal(model.module(torch.zeros(1, 3, 4, 4))[0], torch.arange(1.0, 1001.0))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent_module:net", "cannot import absent_module .ModuleNotFoundError"),
        ("broken_network:net", "cannot import broken_network .*no_such_package"),
        ("my_networks:nett", "python/my_networks has no model 'nett'; did you mean net or Net"),
        ("my_networks:fails", "failed with ValueError: no luck"),
        ("my_networks:alone", r"returned a Net; it must return a torch\.nn\.Module and a Prep"),
        ("my_networks:number_first", "returned a int first"),
        ("my_networks:number_second", "returned a int second"),
    ],
)
def test_explains_what_is_wrong(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(f"python/{name}")


def test_needs_a_callables_name() -> None:
    with pytest.raises(UsageError, match="name it python/MODULE:CALLABLE"):
        load_model("python/my_networks")
