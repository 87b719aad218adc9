"""Compare what an engine renders and crops with the reference distortions and with Pillow."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.version import Version

from imagenetq.distortions import Pixels, Undistorted
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.evaluate import Preprocessing
from imagenetq.evaluate.inputs.resize import CropFunction, crops_of
from imagenetq.rendering import render_ladder
from imagenetq.specification import CLEAN, Value, select_variants
from imagenetq.torch.engine import Engine
from imagenetq.torch.jpeg2000.ladder import Rendering
from imagenetq.torch.original import ImageTable, Originals

_PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}

PREPROCESSINGS = [
    Preprocessing(resize=256, interpolation="bilinear", crop=(224, 224), **_PLAIN),
    Preprocessing(resize=256, interpolation="bicubic", crop=(224, 224), corner="down", **_PLAIN),
    Preprocessing(resize=(224, 224), interpolation="bicubic", crop=None, **_PLAIN),
    Preprocessing(
        resize=(96, 128), interpolation="bilinear", crop=(140, 130), fit="contain", **_PLAIN
    ),
    Preprocessing(
        resize=(299, 299), interpolation="bicubic", crop=(288, 288), fit="cover", **_PLAIN
    ),
    Preprocessing(resize=None, interpolation="bilinear", crop=(64, 48), fill=(9, 8, 7), **_PLAIN),
]
"""Every way in which models resize and crop, by the two filters that they use."""


class ByOpenJpeg:
    """Renders JPEG 2000 in groups of up to so many pictures; for more there is no memory."""

    def __init__(
        self,
        pixels_at_once: int,
        most_pictures: int = 100,
        faults: int = 0,
        most_pixels: int = 10**6,
    ) -> None:
        self.pixels_at_once, self.most_pixels = pixels_at_once, most_pixels
        self.most_pictures, self.faults = most_pictures, faults
        self.groups: list[int] = []

    def queue(self, pictures: Sequence[torch.Tensor], targets: Sequence[Value]) -> Rendering:
        if len(pictures) > self.most_pictures:
            raise torch.OutOfMemoryError("a GPU would say so")
        self.groups.append(len(pictures))
        levels = [
            torch.from_numpy(
                np.stack([one.pixels for one in jpeg2000(Undistorted(picture.numpy()), targets)])
            )
            for picture in pictures
        ]
        return Rendering(levels, torch.tensor([0, self.faults], dtype=torch.int32))


def random_pictures(seed: int, n: int, largest: int) -> Iterator[Pixels]:
    """Random sizes from 1x1 up, each side drawn by its logarithm; every third one saturated."""
    draws = np.random.default_rng(seed)
    for number in range(n):
        height, width = (int(side) for side in np.exp(draws.uniform(0, np.log(largest), 2)))
        pixels = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
        yield np.where(pixels > 127, 255, 0).astype(np.uint8) if number % 3 == 0 else pixels


def differences(
    pictures: Sequence[Pixels],
    engine: Engine,
    device: torch.device,
    only: Sequence[str] | None = None,
) -> list[str]:
    """What of some pictures' variants, all rendered together, is not as the reference has it."""
    ladder = select_variants(only or [CLEAN, *engine.rendered])
    on_device = [torch.from_numpy(np.ascontiguousarray(one)).to(device) for one in pictures]
    ids = [f"exact {place}" for place in range(len(pictures))]
    found = []
    rendered = engine.render(on_device, ids, ladder)
    for given, pixels, image_id in zip(rendered, pictures, ids, strict=True):
        expected = render_ladder(pixels, image_id=image_id, only=ladder)
        found += [
            f"{wanted.variant.name} of {pixels.shape} among others"
            for mine, wanted in zip(given.cpu().numpy(), expected, strict=True)
            if not np.array_equal(mine, wanted.pixels)
        ]
    return found


def differences_of_each(
    pictures: Sequence[Pixels], engine: Engine, device: torch.device, only: Sequence[str]
) -> list[str]:
    """What differs where each of some pictures is rendered at a level of its own.

    Those of one size lie in one piece of memory, from which a distortion takes them in any order.
    """
    found = []
    sizes = sorted({one.shape for one in pictures})
    stacked = [np.stack([one for one in pictures if one.shape == size]) for size in sizes]
    images = ImageTable.of([torch.from_numpy(stack).to(device) for stack in stacked])
    results = [torch.zeros_like(stack) for stack in images.stacks]
    pixels = [one for stack in stacked for one in stack]
    order = np.arange(len(images))[::-1].copy()
    for distortion, renderer in engine.distortions.items():
        rungs = [one for one in select_variants(only) if one.distortion == distortion]
        chosen = [rungs[place % len(rungs)] for place in range(len(images))]
        originals = Originals(images, [f"exact {place}" for place in range(len(images))])
        values = np.array([[one.value] for one in chosen], np.float64)
        out = ImageTable.of(results)
        renderer(originals.take(order), values[order], out.take(order))
        for place, (original, rung) in enumerate(zip(pixels, chosen, strict=True)):
            (wanted,) = render_ladder(original, image_id=f"exact {place}", only=[rung])
            if not np.array_equal(out.images(place)[0].cpu().numpy(), wanted.pixels):
                found.append(f"{rung.name} of {original.shape}, each its own")
    return found


def crop_differences(
    pictures: Sequence[Pixels],
    cropped: CropFunction,
    device: torch.device,
    preprocessings: Sequence[Preprocessing],
) -> list[str]:
    """What of pictures, their negatives and saturated copies is not cropped as Pillow does it."""
    stacks = [
        np.stack([one, 255 - one, np.where(one > 127, 255, 0).astype(np.uint8)]) for one in pictures
    ]
    on_device = [torch.from_numpy(stack).to(device) for stack in stacks]
    copies = [copy for stack in stacks for copy in stack]
    found = []
    inputs = crops_of(on_device, cropped, preprocessings)
    for one, crops in zip(preprocessings, inputs, strict=True):
        for place, (crop, copy) in enumerate(zip(crops.cpu().numpy(), copies, strict=True)):
            if not np.array_equal(crop, one.pixels(copy)):
                found.append(f"copy {place % 3} of {copy.shape}, cropped as {one}")
    return found


def interpret(script: Path) -> None:
    """Run kernels on pictures in Triton's interpreter; fails if anything differs."""
    if find_spec("triton") is None:
        pytest.skip("no Triton here")
    triton = Version(metadata.version("triton"))
    if triton < Version("3.7") and Version(np.__version__) >= Version("2.4"):
        pytest.skip("Triton 3.6's interpreter takes scalars from arrays, which NumPy 2.4 refuses")
    # Whether kernels are interpreted is decided when they are imported.
    tests = str(Path(__file__).parent)
    paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
