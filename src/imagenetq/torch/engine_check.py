"""Check that a device renders what the reference does, before an engine is trusted there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from imagenetq.distortions import Pixels
from imagenetq.errors import PlatformError
from imagenetq.rendering import Rendered, render_ladder
from imagenetq.selfcheck import calibration_card
from imagenetq.specification import CLEAN, Variant, select_variants
from imagenetq.torch.engine import Engine
from imagenetq.torch.jpeg2000.cards import saturated_card
from imagenetq.torch.jpeg2000.ladder import Ladder
from imagenetq.torch.ladder import rendered
from imagenetq.torch.original import Original, Originals

_IMAGE_ID = "selfcheck"

Comparison = Callable[[torch.Tensor, Sequence[Rendered]], str | None]
"""Takes the variants that a device rendered, uint8 of shape (n, height, width, 3), and those of the
reference; compares what is made of them, and names the first difference, None if there is none."""


def difference(
    engine: Engine, device: torch.device, *, also: Comparison | None = None
) -> str | None:
    """Describe the first difference between an engine and the reference; None if there is none.

    Args:
        engine: what is checked.
        device: where it renders.
        also: a further comparison, made for each picture.
    """
    card = calibration_card()
    # A tall picture shows the order of the resizing passes, as its sides shrink at different rates.
    # Tiled, the card has code blocks that JPEG 2000 cuts where a decoder misreads them. Saturated
    # chroma needs more bit planes than its codestream can signal.
    pictures = card, np.tile(card, (9, 1, 1)), np.tile(card, (5, 7, 1)), saturated_card()
    for picture in pictures:
        try:
            problem = _difference(picture, engine, device, also)
        except Exception as error:  # Compilers and drivers raise many types.
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            return f"rendering on {device} fails ({reason})"
        if problem is not None:
            return f"{problem} is another on {device} than on the CPU"
    return None


def _difference(
    picture: Pixels, engine: Engine, device: torch.device, also: Comparison | None
) -> str | None:
    ladder = select_variants([CLEAN, *engine.rendered])
    original = Original(torch.from_numpy(picture).to(device), _IMAGE_ID)
    pictures = rendered(original, ladder, engine)
    reference = []
    for row, expected in enumerate(render_ladder(picture, image_id=_IMAGE_ID, only=ladder)):
        if not np.array_equal(pictures[row].cpu().numpy(), expected.pixels):
            return expected.variant.name
        reference.append(expected)
    for distortion in engine.in_batches:
        rows = [row for row, variant in enumerate(ladder) if variant.distortion == distortion]
        if not torch.equal(
            _in_batch(original, [ladder[row] for row in rows], engine), pictures[rows]
        ):
            return f"{distortion} of several images at once"
    return None if also is None else also(pictures, reference)


def _in_batch(original: Original, rungs: Sequence[Variant], engine: Engine) -> torch.Tensor:
    """Render copies of one original, each as one rung of a distortion."""
    copies = original.pixels.expand(len(rungs), -1, -1, -1).contiguous()
    out = torch.empty_like(copies)
    values = [rung.value for rung in rungs if rung.value is not None]
    originals = Originals(copies, [original.image_id] * len(rungs))
    engine.in_batches[rungs[0].distortion](originals, values, out)
    return out


def with_jpeg2000(
    engine: Engine, device: torch.device, *, also: Comparison | None = None
) -> Engine:
    """Give an engine the JPEG 2000 kernels for a GPU.

    Args:
        engine: what renders the other distortions there.
        device: the GPU.
        also: as for `difference`.

    Raises:
        PlatformError: the kernels do not run on the GPU, or they give other pixels.
    """
    candidate = replace(engine, distortions={}, in_batches={}, jpeg2000=Ladder(device))
    problem = difference(candidate, device, also=also)
    if problem is not None:
        raise PlatformError(problem)
    return replace(engine, jpeg2000=candidate.jpeg2000)
