"""Render variants of one original on a device."""

from collections.abc import Sequence
from itertools import groupby

import torch

from imagenetq.specification import CLEAN, Variant
from imagenetq.torch.engine import JPEG2000, Engine
from imagenetq.torch.original import Original


def rendered(original: Original, variants: Sequence[Variant], engine: Engine) -> torch.Tensor:
    """Render variants of one original.

    Args:
        original: the image.
        variants: clean or rendered by the engine; those of one distortion are neighbours.
        engine: what renders them.

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
