"""The kernels: in Triton's interpreter on the CPU, and compiled where there is a GPU."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import differences, differences_of_each, interpret, random_pictures
from imagenetq.builder import open_source
from imagenetq.decoding import decode

CUDA = torch.device("cuda")
WHOLE = ["blur", "noise", "contrast", "jpeg"]

on_gpu = pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("triton") is None,
    reason="no CUDA device, or no Triton",
)


def test_interpreted() -> None:
    interpret(Path(__file__).with_name("interpreted.py"))


@on_gpu
def test_real_photographs_on_a_gpu(imagenet_sample: Path) -> None:
    from imagenetq.torch.engine import TENSORS, triton_engine

    source = open_source(imagenet_sample)
    photographs = [decode(source.read(image), image.name) for image in source.images()]
    for place in range(0, len(photographs), 10):
        some = photographs[place : place + 10]
        assert differences(some, triton_engine(), CUDA) == []
        assert differences_of_each([*some, *some], triton_engine(), CUDA, WHOLE) == []
        assert differences(some[:1], TENSORS, CUDA) == []


@on_gpu
def test_sizes_on_a_gpu() -> None:
    from imagenetq.torch.engine import triton_engine

    samples = np.random.default_rng(0)
    small = [
        samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height in range(1, 20)
        for width in range(1, 20)
    ]
    assert differences(small, triton_engine(), CUDA) == []
    large = list(random_pictures(1, 30, largest=1000))
    assert differences(large, triton_engine(), CUDA) == []
    assert differences_of_each([*small, *large, *small], triton_engine(), CUDA, WHOLE) == []


@on_gpu
def test_a_large_picture_beside_small_ones_on_a_gpu() -> None:
    from imagenetq.torch.engine import triton_engine

    samples = np.random.default_rng(1)
    pictures = [
        samples.integers(0, 256, (*shape, 3), dtype=np.uint8)
        for shape in ((1600, 2400), (100, 100), (1, 2000), (2000, 1))
    ]
    assert differences(pictures, triton_engine(), CUDA) == []


@on_gpu
def test_each_stream_has_its_own_tables() -> None:
    """A table that is still on its way on one stream must not be used on another."""
    from imagenetq.torch.noise import quantiles_on

    here = quantiles_on(CUDA)
    with torch.cuda.stream(torch.cuda.Stream()):
        there = quantiles_on(CUDA)
    assert here.data_ptr() != there.data_ptr()
    assert quantiles_on(CUDA) is here
