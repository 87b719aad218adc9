"""Rendered in tensors: the very samples of the reference distortions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import differences, random_pictures
from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.torch.engine import TENSORS

CPU = torch.device("cpu")
N_PARTS = 10


@pytest.mark.parametrize("part", range(N_PARTS))
def test_real_photographs(imagenet_sample: Path, part: int) -> None:
    source = open_source(imagenet_sample)
    images = sorted(source.images(), key=lambda image: image.image_id)
    assert len(images) == 200
    for image in images[part::N_PARTS]:
        assert differences([decode(source.read(image), image.name)], TENSORS, CPU) == []


@pytest.mark.parametrize("height", range(1, 20))
def test_every_small_size(height: int) -> None:
    samples = np.random.default_rng(height)
    for width in range(1, 20):
        pixels = samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        assert differences([pixels], TENSORS, CPU) == []


@pytest.mark.parametrize("seed", range(4))
def test_random_sizes(seed: int) -> None:
    for pixels in random_pictures(seed, 5, largest=300):
        assert differences([pixels], TENSORS, CPU) == []


@pytest.mark.parametrize("value", [0, 1, 127, 128, 254, 255])
def test_flat_pictures(value: int) -> None:
    assert differences([np.full((37, 50, 3), value, np.uint8)], TENSORS, CPU) == []


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (701, 9), (9, 701), (640, 200)])
def test_extreme_shapes(shape: Sequence[int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert differences([pixels], TENSORS, CPU) == []
