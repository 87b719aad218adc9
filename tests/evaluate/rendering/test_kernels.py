"""The kernels: in Triton's interpreter on the CPU, and compiled where there is a GPU."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.version import Version

from exactness import PREPROCESSINGS, differences, random_pictures
from imagenetq.builder import open_source
from imagenetq.decoding import decode

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="no Triton here")

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.parametrize("shape", ["1x1", "9x4", "13x16"])
def test_interpreted(shape: str) -> None:
    triton = Version(metadata.version("triton"))
    if triton < Version("3.7") and Version(np.__version__) >= Version("2.4"):
        pytest.skip("Triton 3.6's interpreter takes scalars from arrays, which NumPy 2.4 refuses")
    # Whether kernels are interpreted is decided when they are imported.
    tests = str(Path(__file__).parents[2] / "support")
    paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("interpreted.py"), shape],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths},
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
    for place, pixels in enumerate((*small, *random_pictures(1, 30, largest=1000))):
        some = [PREPROCESSINGS[place % len(PREPROCESSINGS)]]
        assert differences(pixels, triton_engine(), torch.device("cuda"), some) == []


@on_gpu
def test_normalising_on_a_gpu() -> None:
    from imagenetq.evaluate.models.preprocessing import normalise
    from imagenetq.evaluate.rendering.normalising import quickest_normalise

    batch = torch.randint(0, 256, (5, 31, 17, 3), dtype=torch.uint8, device="cuda")
    preprocessing = replace(PREPROCESSINGS[0], mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    given = quickest_normalise(batch.device)(batch, preprocessing)
    wanted = normalise(batch, preprocessing)
    assert torch.equal(given, wanted)
    assert given.stride() == wanted.stride()
