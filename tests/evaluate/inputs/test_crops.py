"""Resized and cropped in tensors and by kernels: the very samples of Pillow."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS, crop_differences, interpret, random_pictures
from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.evaluate.inputs.normalise import quickest_normalise
from imagenetq.evaluate.inputs.resize import cropped, quickest_crop
from imagenetq.evaluate.models.preprocessing import Preprocessing, normalise

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

on_gpu = pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("triton") is None,
    reason="no CUDA device, or no Triton",
)


def photographs(folder: Path) -> list[tuple[int, np.ndarray]]:
    source = open_source(folder)
    images = sorted(source.images(), key=lambda image: image.image_id)
    assert len(images) == 200
    return [(n, decode(source.read(one), one.name)) for n, one in enumerate(images)]


def test_real_photographs(imagenet_sample: Path) -> None:
    for place, pixels in photographs(imagenet_sample):
        # One preprocessing an image: they share the passes that are compared.
        some = [PREPROCESSINGS[place % len(PREPROCESSINGS)]]
        assert crop_differences([pixels], cropped, CPU, some) == []


@pytest.mark.parametrize("height", range(1, 20))
def test_every_small_size(height: int) -> None:
    samples = np.random.default_rng(height)
    for width in range(1, 20):
        pixels = samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        assert crop_differences([pixels], cropped, CPU, PREPROCESSINGS[:1]) == []


@pytest.mark.parametrize("seed", range(4))
def test_random_sizes(seed: int) -> None:
    for pixels in random_pictures(seed, 5, largest=300):
        assert crop_differences([pixels], cropped, CPU, PREPROCESSINGS) == []


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (701, 9), (9, 701), (640, 200)])
def test_extreme_shapes(shape: Sequence[int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    squashed = [one for one in PREPROCESSINGS if isinstance(one.resize, tuple)]
    assert crop_differences([pixels], cropped, CPU, squashed) == []


def test_interpreted() -> None:
    interpret(Path(__file__).with_name("interpreted.py"))


@on_gpu
def test_real_photographs_on_a_gpu(imagenet_sample: Path) -> None:
    pictures = [pixels for _, pixels in photographs(imagenet_sample)]
    for place, start in enumerate(range(0, 200, 10)):
        some = [PREPROCESSINGS[place % len(PREPROCESSINGS)]]
        group = pictures[start : start + 10]
        assert crop_differences(group, quickest_crop(CUDA), CUDA, some) == []
        assert crop_differences(group[:1], cropped, CUDA, some) == []


@on_gpu
@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
def test_sizes_on_a_gpu(preprocessing: Preprocessing) -> None:
    samples = np.random.default_rng(0)
    small = [
        samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height in range(1, 20)
        for width in range(1, 20)
    ]
    pictures = [*small, *random_pictures(1, 30, largest=1000)]
    assert crop_differences(pictures, quickest_crop(CUDA), CUDA, [preprocessing]) == []


@on_gpu
def test_normalising_on_a_gpu() -> None:
    batch = torch.randint(0, 256, (5, 31, 17, 3), dtype=torch.uint8, device="cuda")
    preprocessing = replace(PREPROCESSINGS[0], mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    given = quickest_normalise(batch.device)(batch, preprocessing)
    wanted = normalise(batch, preprocessing)
    assert torch.equal(given, wanted)
    assert given.stride() == wanted.stride()
