"""Compare what an engine renders and crops with the reference distortions and with Pillow."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from imagenetq.distortions import Original as Picture
from imagenetq.distortions import Pixels
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.evaluate import Preprocessing
from imagenetq.evaluate.rendering.cropping import crop_of
from imagenetq.evaluate.rendering.engine import Engine
from imagenetq.evaluate.rendering.ladder import rendered
from imagenetq.evaluate.rendering.original import Original
from imagenetq.rendering import render_ladder
from imagenetq.specification import CLEAN, Value, select_variants
from imagenetq.torch.jpeg2000.ladder import Rendering

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
                np.stack([one.pixels for one in jpeg2000(Picture(picture.numpy()), targets)])
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
    pixels: Pixels,
    engine: Engine,
    device: torch.device,
    preprocessings: Sequence[Preprocessing],
    only: Sequence[str] | None = None,
    crop_every: int = 9,
) -> list[str]:
    """What of one picture is not as the reference has it: variants, and crops of some of them.

    Every so many-th variant is cropped: how, does not depend on what is in it.
    """
    ladder = select_variants(only or [CLEAN, *engine.rendered])
    height, width, _ = pixels.shape
    original = Original(torch.from_numpy(pixels).to(device), "exact")
    pictures = rendered(original, ladder, engine)
    crops = [
        engine.cropped(pictures[::crop_every].contiguous(), crop_of(one, width, height))
        for one in preprocessings
    ]
    found = []
    for row, expected in enumerate(render_ladder(pixels, image_id="exact", only=ladder)):
        name = f"{expected.variant.name} of {height}x{width}"
        if not np.array_equal(pictures[row].cpu().numpy(), expected.pixels):
            found.append(name)
        if row % crop_every:
            continue
        for one, crop in zip(preprocessings, crops, strict=True):
            given, wanted = crop[row // crop_every].cpu().numpy(), one.pixels(expected.pixels)
            if not np.array_equal(given, wanted):
                found.append(f"{name}, cropped as {one}")
    return found
