from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imagenetq.classes import labels
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels

torch = pytest.importorskip("torch")

from imagenetq.evaluate.models import Model  # noqa: E402
from imagenetq.evaluate.models.preprocessing import normalise  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads on busy cores spend their time waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)


@dataclass(frozen=True)
class Clean:
    """Real photographs, and their labels as int64 of shape (n,)."""

    pictures: list[Pixels]
    labels: "torch.Tensor"

    def images(self, model: Model) -> "torch.Tensor":
        """What the model's preprocessing makes of them: uint8 of shape (n, height, width, 3)."""
        return torch.from_numpy(np.stack([model.preprocessing.pixels(p) for p in self.pictures]))

    def top1(self, model: Model) -> float:
        with torch.inference_mode():
            logits = [
                model.module(normalise(batch, model.preprocessing))
                for batch in torch.split(self.images(model), 20)
            ]
        return float((torch.cat(logits).argmax(1) == self.labels).float().mean())


@pytest.fixture(scope="session")
def clean(imagenet_sample: Path) -> Clean:
    files = sorted(imagenet_sample.glob("n*/*"))
    label_of = labels()
    return Clean(
        [decode(file.read_bytes(), file.name) for file in files],
        torch.tensor([label_of[file.parent.name] for file in files]),
    )


@pytest.fixture
def tiny_network() -> Callable[[int], "torch.nn.Module"]:
    """Makes a network of so many outputs; the same one every time."""

    def make(outputs: int = 1000) -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
            torch.nn.BatchNorm2d(4),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Linear(4, outputs),
        ).eval()

    return make
