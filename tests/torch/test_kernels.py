"""The kernels: in Triton's interpreter on the CPU, and compiled where there is a GPU."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import batch_differences, differences, interpret, random_pictures
from imagenetq.builder import open_source
from imagenetq.decoding import decode

WHOLE = ["blur", "noise", "contrast", "jpeg"]

on_gpu = pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("triton") is None,
    reason="no CUDA device, or no Triton",
)


@pytest.mark.parametrize("shape", ["1x1", "9x4", "13x16"])
def test_interpreted(shape: str) -> None:
    interpret(Path(__file__).with_name("interpreted.py"), shape)


@on_gpu
def test_real_photographs_on_a_gpu(imagenet_sample: Path) -> None:
    from imagenetq.torch.engine import TENSORS, triton_engine

    source = open_source(imagenet_sample)
    for place, image in enumerate(source.images()):
        pixels = decode(source.read(image), image.name)
        assert differences(pixels, triton_engine(), torch.device("cuda")) == []
        assert batch_differences(pixels, triton_engine(), torch.device("cuda"), WHOLE) == []
        if place % 10 == 0:
            assert differences(pixels, TENSORS, torch.device("cuda")) == []


@on_gpu
def test_sizes_on_a_gpu() -> None:
    from imagenetq.torch.engine import triton_engine

    samples = np.random.default_rng(0)
    small = [
        samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height in range(1, 20)
        for width in range(1, 20)
    ]
    for pixels in (*small, *random_pictures(1, 30, largest=1000)):
        assert differences(pixels, triton_engine(), torch.device("cuda")) == []
        assert batch_differences(pixels, triton_engine(), torch.device("cuda"), WHOLE) == []
