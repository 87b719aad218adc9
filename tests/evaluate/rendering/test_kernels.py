"""The kernels: in Triton's interpreter on the CPU, and compiled where there is a GPU."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS, differences, random_pictures
from imagenetq.builder import open_source
from imagenetq.decoding import decode

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="no Triton here")

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.parametrize("shape", ["1x1", "3x5", "9x4", "2x19", "17x16"])
def test_interpreted(shape: str) -> None:
    # Whether kernels are interpreted is decided when they are imported.
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("interpreted.py"), shape],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr


@on_gpu
def test_real_photographs_on_a_gpu(imagenet_sample: Path) -> None:
    from imagenetq.evaluate.rendering.engine import TENSORS, triton_engine

    source = open_source(imagenet_sample)
    for place, image in enumerate(source.images()):
        pixels = decode(source.read(image), image.name)
        some = [PREPROCESSINGS[place % len(PREPROCESSINGS)]]
        assert differences(pixels, triton_engine(), torch.device("cuda"), some) == []
        if place % 10 == 0:
            assert differences(pixels, TENSORS, torch.device("cuda"), some) == []


@on_gpu
def test_sizes_on_a_gpu() -> None:
    from imagenetq.evaluate.rendering.engine import triton_engine

    samples = np.random.default_rng(0)
    small = [
        samples.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height in range(1, 20)
        for width in range(1, 20)
    ]
    for pixels in (*small, *random_pictures(1, 40, largest=2000)):
        found = differences(pixels, triton_engine(), torch.device("cuda"), PREPROCESSINGS)
        assert found == []
