"""Check that a device renders what the reference does, before an engine is trusted there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from imagenetq.distortions import Pixels
from imagenetq.errors import PlatformError
from imagenetq.rendering import Rendered, render_ladder
from imagenetq.selfcheck import calibration_card
from imagenetq.specification import CLEAN, select_variants
from imagenetq.torch.engine import Engine
from imagenetq.torch.jpeg2000.ladder import Ladder

_IMAGE_ID = "selfcheck"

# Signs of the weights with which a coefficient of the second level sums up 20 samples.
_LOW = "00111111111111100000"
_HIGH = "00011000001111100000"

Check = Callable[[Sequence[torch.Tensor], Sequence[Sequence[Rendered]]], str | None]
"""Takes the variants that a device rendered of several pictures, each uint8 of shape (n, height,
width, 3), and those of the reference; compares what is made of them, and names the first
difference, None if there is none."""


def difference(engine: Engine, device: torch.device, *, also: Check | None = None) -> str | None:
    """Describe the first difference between an engine and the reference; None if there is none.

    All pictures are rendered together. `also` is a further check.
    """
    card = calibration_card()
    # A tall picture shows the order of the resizing passes, as its sides shrink at different rates.
    # Tiled, the card has code blocks that JPEG 2000 cuts where a decoder misreads them. Saturated
    # chroma needs more bit planes than its codestream can signal.
    pictures = card, np.tile(card, (9, 1, 1)), np.tile(card, (5, 7, 1)), saturated_card()
    try:
        problem = _difference(pictures, engine, device, also)
    except Exception as error:  # Compilers and drivers raise many types.
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        return f"rendering on {device} fails ({reason})"
    return None if problem is None else f"{problem} is another on {device} than on the CPU"


def saturated_card() -> Pixels:
    """Draw chroma in the shape of a wavelet, at full contrast; uint8 of shape (20, 20, 3).

    In JPEG 2000, one coefficient needs more bit planes than the codestream can signal. Four layers
    cut code blocks where a decoder misreads them.
    """
    rows, columns = (np.array([sign == "1" for sign in signs]) for signs in (_LOW, _HIGH))
    red = np.where(rows[:, None] == columns, 255, 0).astype(np.uint8)
    return np.stack([red, 255 - red, red], axis=2)


def _difference(
    pictures: Sequence[Pixels], engine: Engine, device: torch.device, also: Check | None
) -> str | None:
    ladder = select_variants([CLEAN, *engine.rendered])
    originals = [torch.from_numpy(picture).to(device) for picture in pictures]
    rendered = engine.render(originals, [_IMAGE_ID] * len(pictures), ladder)
    references = [list(render_ladder(one, image_id=_IMAGE_ID, only=ladder)) for one in pictures]
    for given, reference in zip(rendered, references, strict=True):
        for pixels, expected in zip(given.cpu().numpy(), reference, strict=True):
            if not np.array_equal(pixels, expected.pixels):
                return expected.variant.name
    return None if also is None else also(rendered, references)


def with_jpeg2000(engine: Engine, device: torch.device, *, also: Check | None = None) -> Engine:
    """Give an engine the JPEG 2000 kernels for a GPU, checked as by `difference`."""
    candidate = replace(engine, distortions={}, jpeg2000=Ladder(device))
    problem = difference(candidate, device, also=also)
    if problem is not None:
        raise PlatformError(problem)
    return replace(engine, jpeg2000=candidate.jpeg2000)
