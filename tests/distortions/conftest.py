"""Images for the tests of the distortions."""

from pathlib import Path

import numpy as np
import pytest

from imagenetq.decoding import decode
from imagenetq.distortions import Pixels


@pytest.fixture(scope="session")
def photographs(imagenet_sample: Path) -> list[Pixels]:
    """Every 18th of the sample: 12 photographs."""
    files = sorted(imagenet_sample.rglob("*.JPEG"))[::18]
    return [decode(file.read_bytes(), file.name) for file in files]


@pytest.fixture(scope="session")
def synthetic() -> list[Pixels]:
    """Tiny, narrow, uniform, random and smooth images."""
    generator = np.random.default_rng(0)
    sizes = [(1, 1), (1, 5), (2, 3), (7, 1), (17, 90), (31, 33), (64, 40)]
    random = [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    uniform = [np.full((20, 30, 3), colour, np.uint8) for colour in ((0, 0, 0), (3, 200, 90))]
    rows, columns = np.indices((70, 95))
    smooth = np.stack([rows * 3, columns * 2, (rows + columns) // 2], axis=2).astype(np.uint8)
    return [*random, *uniform, smooth]
