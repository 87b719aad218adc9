"""Variants of one original on a device, and the networks' inputs that come of them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch

from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.evaluate.rendering.cropping import crop_of
from imagenetq.evaluate.rendering.engine import JPEG2000, Engine
from imagenetq.evaluate.rendering.original import Original
from imagenetq.specification import CLEAN, Variant


def rendered(original: Original, variants: Sequence[Variant], engine: Engine) -> torch.Tensor:
    """Render variants of one original.

    Args:
        original: the image.
        variants: clean, and such as the engine renders; those of one distortion together.
        engine: how.

    Returns:
        uint8 of shape (len(variants), height, width, 3).
    """
    out = original.pixels.new_empty((len(variants), *original.pixels.shape))
    start = 0
    for distortion, rungs in groupby(variants, key=lambda variant: variant.distortion):
        values = [rung.value for rung in rungs]
        levels = out[start : start + len(values)]
        if distortion == CLEAN:
            levels[0] = original.pixels
        else:
            known = [value for value in values if value is not None]
            if distortion == JPEG2000 and engine.jpeg2000 is not None:
                levels.copy_(engine.jpeg2000.queue([original.pixels], known).levels[0])
            else:
                engine.distortions[distortion](original, known, levels)
        start += len(values)
    return out


def inputs(
    original: Original,
    variants: Sequence[Variant],
    preprocessings: Sequence[Preprocessing],
    engine: Engine,
) -> Iterator[tuple[torch.Tensor, ...]]:
    """Render, resize and crop variants of one original.

    Args:
        original: the image.
        variants: as for `rendered`.
        preprocessings: what each network wants; `can_crop` must hold.
        engine: how.

    Yields:
        For each preprocessing the uint8 inputs, shape (n, height, width, 3), of the next n
        variants; of all at once unless the original is large.
    """
    crops = [crop_of(one, original.width, original.height) for one in preprocessings]
    at_once = max(1, engine.samples_at_once // original.pixels.numel())
    for start in range(0, len(variants), at_once):
        pictures = rendered(original, variants[start : start + at_once], engine)
        yield tuple(engine.cropped(pictures, crop) for crop in crops)
