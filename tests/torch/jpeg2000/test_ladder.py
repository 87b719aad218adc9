"""The kernels on a GPU: the pixels of OpenJPEG, in groups of any pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels, Undistorted
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.specification import Value, ladder
from imagenetq.torch.engine_check import saturated_card
from imagenetq.torch.jpeg2000.ladder import Ladder, Rendering

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

TARGETS = ladder("jpeg2000").values


@pytest.fixture(scope="module")
def kernels() -> Ladder:
    return Ladder(torch.device("cuda", torch.cuda.current_device()))


def queued(
    kernels: Ladder, pictures: Sequence[Pixels], targets: Sequence[Value] = TARGETS
) -> Rendering:
    return kernels.queue([torch.tensor(picture, device="cuda") for picture in pictures], targets)


def assert_exact(
    rendering: Rendering, pictures: Sequence[Pixels], targets: Sequence[Value] = TARGETS
) -> None:
    torch.cuda.synchronize()
    rendering.check()
    for picture, levels in zip(pictures, rendering.levels, strict=True):
        expected = jpeg2000(Undistorted(picture), targets)
        for given, wanted in zip(levels.cpu().numpy(), expected, strict=True):
            assert np.array_equal(given, wanted.pixels), picture.shape


def noise(height: int, width: int) -> Pixels:
    samples = np.random.default_rng(height * 1000 + width)
    return samples.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_real_photographs(kernels: Ladder, imagenet_sample: Path) -> None:
    source = open_source(imagenet_sample)
    pictures = [decode(source.read(image), image.name) for image in source.images()]
    for start in range(0, len(pictures), 40):
        group = pictures[start : start + 40]
        assert_exact(queued(kernels, group), group)


def test_every_small_size_in_one_group(kernels: Ladder) -> None:
    pictures = [noise(height, width) for height in range(1, 20) for width in range(1, 20)]
    assert_exact(queued(kernels, pictures), pictures)


def test_extremes_beside_each_other(kernels: Ladder) -> None:
    pictures = [
        *(np.full((37, 50, 3), value, np.uint8) for value in (0, 127, 255)),
        *(noise(*size) for size in ((1, 900), (900, 1), (3, 701), (129, 65))),
        np.where(noise(80, 90) > 127, 255, 0).astype(np.uint8),
        saturated_card(),
        noise(10, 10),
        np.asarray(Image.fromarray(noise(40, 50)).resize((2300, 1650))),
    ]
    assert_exact(queued(kernels, pictures), pictures)


def test_some_targets_in_any_order(kernels: Ladder) -> None:
    pictures = [noise(30, 40), noise(41, 23)]
    assert_exact(queued(kernels, pictures, [24, 40, 20]), pictures, [24, 40, 20])


def test_two_streams_at_once_without_waiting(kernels: Ladder) -> None:
    groups = [[noise(200 + part, 300), noise(90, 70 + part)] for part in range(4)]
    on_device = [[torch.tensor(picture, device="cuda") for picture in group] for group in groups]
    streams = [torch.cuda.Stream(), torch.cuda.Stream()]  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    renderings = []
    torch.cuda.set_sync_debug_mode("error")
    try:
        for place, group in enumerate(on_device):
            with torch.cuda.stream(streams[place % 2]):
                renderings.append(kernels.queue(group, TARGETS))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for rendering, group in zip(renderings, groups, strict=True):
        assert_exact(rendering, group)
