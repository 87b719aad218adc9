"""The examples of docs/streaming.md run as they stand, and give the pixels that they promise."""

import re
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import load_dataset
from PIL import Image

from imagenetq import render
from imagenetq.builder import build, open_source
from imagenetq.record import pixel_sha256

EXAMPLES = re.findall(
    r"```python\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "streaming.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


@pytest.fixture
def place(make_source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the examples run: photographs, and the dataset that is built of them."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    source = open_source(make_source(tmp_path / "images", 3))
    (tmp_path / "photos").mkdir()
    for number, path in enumerate(sorted((tmp_path / "images").rglob("*.JPEG"))):
        shutil.copy(path, tmp_path / "photos" / f"{number}.jpg")
    build(source, tmp_path / "imagenet-q", subset="mini", only=["clean", "noise-30"])
    return tmp_path


def run(example: str, place: Path) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with chdir(place):
        exec(example, names)
    return names


@pytest.mark.usefixtures("in_this_process")
def test_every_example_gives_the_pixels_of_render(place: Path) -> None:
    compressed, noisy, streamed = (run(example, place) for example in EXAMPLES)
    clean = Image.open(place / "photos" / "0.jpg")
    image = compressed["photos"][0]["image"]
    assert np.array_equal(np.asarray(image), render(np.asarray(clean), "jpeg-10"))
    with chdir(place):
        stored = load_dataset("./imagenet-q", "noise-30", split="test")["pixel_sha256"]
    rendered = [pixel_sha256(np.asarray(row["image"])) for row in noisy["noisy_rows"]]
    assert rendered == list(stored)
    assert streamed["batch"]["image"].shape[1:] == (3, 224, 224)
    assert streamed["stream"].epoch == 1
    assert torch.load(place / "checkpoint.pt")["stream"]["epoch"] == 1
