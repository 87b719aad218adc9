import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from imagenetq.evaluate.models import SOURCES, LoadOptions  # noqa: E402
from imagenetq.evaluate.models.describe import describe, sources  # noqa: E402


def test_describes_squeezenet(real_weights: Path) -> None:
    file = real_weights / "squeezenet1_0_deepcompression.safetensors"
    found = describe("torchvision/squeezenet1_0", LoadOptions(weights=str(file)))

    assert json.loads(json.dumps(found)) == found
    assert found["layers"] == {
        "Conv2d": 26,
        "ReLU": 26,
        "MaxPool2d": 3,
        "Dropout": 1,
        "AdaptiveAvgPool2d": 1,
    }
    assert found["parameters"] == 1_248_424
    assert found["input_size"] == [224, 224]
    assert found["preprocessing"]["resize"] == 256
    assert found["licence"] is None


def test_describes_the_baseline() -> None:
    found = describe("baseline/nearest")
    assert found["layers"] == {"NearestPhotograph": 1}
    assert found["weights_sha256"] is None


def test_lists_every_source() -> None:
    assert list(sources()) == [source.form for source in SOURCES.values()]
