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
from imagenetq.evaluate.inputs.cropping import crop_of
from imagenetq.evaluate.inputs.resize import CropFunction
from imagenetq.rendering import render_ladder
from imagenetq.specification import CLEAN, Value, select_variants
from imagenetq.torch.engine import Engine
from imagenetq.torch.jpeg2000.ladder import Rendering
from imagenetq.torch.original import Original, Originals

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
    pixels: Pixels, engine: Engine, device: torch.device, only: Sequence[str] | None = None
) -> list[str]:
    """What of one picture's variants is not as the reference has it."""
    ladder = select_variants(only or [CLEAN, *engine.rendered])
    height, width, _ = pixels.shape
    original = Original(torch.from_numpy(pixels).to(device), "exact")
    pictures = engine.render(original, ladder).cpu().numpy()
    expected = render_ladder(pixels, image_id="exact", only=ladder)
    return [
        f"{wanted.variant.name} of {height}x{width}"
        for given, wanted in zip(pictures, expected, strict=True)
        if not np.array_equal(given, wanted.pixels)
    ]


def batch_differences(
    pixels: Pixels, engine: Engine, device: torch.device, only: Sequence[str]
) -> list[str]:
    """What is not as the reference has it where an engine renders several originals at once.

    They are a picture, its negative, its mirror image and so on, each at its own level.
    """
    kinds = [pixels, 255 - pixels, pixels[::-1], pixels[:, ::-1], 255 - pixels[::-1, ::-1]]
    found = []
    for distortion, render_each in engine.in_batches.items():
        rungs = [one for one in select_variants(only) if one.distortion == distortion]
        values = [rung.value for rung in rungs if rung.value is not None]
        pictures = np.stack([kinds[place % len(kinds)] for place in range(len(rungs))])
        originals = Originals(
            torch.from_numpy(pictures).to(device), [f"exact {place}" for place in range(len(rungs))]
        )
        out = torch.empty_like(originals.pixels)
        render_each(originals, values, out)
        for place, rung in enumerate(rungs):
            (wanted,) = render_ladder(pictures[place], image_id=f"exact {place}", only=[rung])
            if not np.array_equal(out[place].cpu().numpy(), wanted.pixels):
                found.append(f"{rung.name} of {pixels.shape} among others")
    return found


def crop_differences(
    pixels: Pixels,
    cropped: CropFunction,
    device: torch.device,
    preprocessings: Sequence[Preprocessing],
) -> list[str]:
    """What of one picture, its negative and its saturated copy is not cropped as Pillow does it."""
    height, width, _ = pixels.shape
    saturated = np.where(pixels > 127, 255, 0).astype(np.uint8)
    pictures = np.stack([pixels, 255 - pixels, saturated])
    on_device = torch.from_numpy(pictures).to(device)
    found = []
    for one in preprocessings:
        crops = cropped(on_device, crop_of(one, width, height)).cpu().numpy()
        for place, (crop, picture) in enumerate(zip(crops, pictures, strict=True)):
            if not np.array_equal(crop, one.pixels(picture)):
                found.append(f"copy {place} of {height}x{width}, cropped as {one}")
    return found


def interpret(script: Path, shape: str) -> None:
    """Run kernels on a picture of one shape in Triton's interpreter; fails if anything differs."""
    if find_spec("triton") is None:
        pytest.skip("no Triton here")
    triton = Version(metadata.version("triton"))
    if triton < Version("3.7") and Version(np.__version__) >= Version("2.4"):
        pytest.skip("Triton 3.6's interpreter takes scalars from arrays, which NumPy 2.4 refuses")
    # Whether kernels are interpreted is decided when they are imported.
    tests = str(Path(__file__).parent)
    paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, script, shape],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
