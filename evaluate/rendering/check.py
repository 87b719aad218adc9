"""Does the device render and crop what the reference does? Asked before every evaluation on it."""

from collections.abc import Sequence

import numpy as np
import torch

from imagenetq.distortions import Pixels
from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.evaluate.rendering.cropping import crop_of
from imagenetq.evaluate.rendering.engine import Engine
from imagenetq.evaluate.rendering.ladder import rendered
from imagenetq.evaluate.rendering.original import Original
from imagenetq.rendering import render_ladder
from imagenetq.selfcheck import calibration_card
from imagenetq.specification import CLEAN, select_variants
from imagenetq.torch.jpeg2000.cards import saturated_card

_IMAGE_ID = "selfcheck"


def difference(
    engine: Engine, device: torch.device, preprocessings: Sequence[Preprocessing]
) -> str | None:
    """The first thing that is not as the reference has it; None if nothing is.

    Args:
        engine: to check.
        device: where it renders.
        preprocessings: whose crops to compare with Pillow's.
    """
    card = calibration_card()
    # A tall picture too: where both sides shrink at different rates, the order of the passes shows.
    # Tiled, JPEG 2000 cuts code blocks where a decoder misreads them; saturated chroma needs more
    # bit planes than its codestream can tell of.
    pictures = card, np.tile(card, (9, 1, 1)), np.tile(card, (5, 7, 1)), saturated_card()
    for picture in pictures:
        try:
            problem = _difference(picture, engine, device, preprocessings)
        except Exception as error:  # Compilers and drivers raise many types.
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            return f"rendering on {device} fails ({reason})"
        if problem is not None:
            return f"{problem} is another on {device} than on the CPU"
    return None


def _difference(
    picture: Pixels, engine: Engine, device: torch.device, preprocessings: Sequence[Preprocessing]
) -> str | None:
    ladder = select_variants([CLEAN, *engine.rendered])
    original = Original(torch.from_numpy(picture).to(device), _IMAGE_ID)
    pictures = rendered(original, ladder, engine)
    crops = [
        engine.cropped(pictures, crop_of(one, original.width, original.height))
        for one in preprocessings
    ]
    for row, expected in enumerate(render_ladder(picture, image_id=_IMAGE_ID, only=ladder)):
        if not np.array_equal(pictures[row].cpu().numpy(), expected.pixels):
            return expected.variant.name
        for one, crop in zip(preprocessings, crops, strict=True):
            if not np.array_equal(crop[row].cpu().numpy(), one.pixels(expected.pixels)):
                return f"{expected.variant.name} resized and cropped"
    return None
