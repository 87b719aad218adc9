"""Choose what renders on a device: kernels if it is a GPU and Triton is there, else tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import groupby
from math import inf
from typing import Protocol

import torch

from imagenetq.specification import CLEAN, Value, Variant
from imagenetq.torch import blur, contrast, jpeg, noise
from imagenetq.torch.jpeg2000.ladder import Rendering
from imagenetq.torch.original import Original, Originals

Renderer = Callable[[Original, Sequence[Value], torch.Tensor], None]
"""Renders one original at several parameter values into uint8 of shape (n, height, width, 3)."""

BatchRenderer = Callable[[Originals, Sequence[Value], torch.Tensor], None]
"""Renders originals of one size, each at its own value, into uint8 of their shape."""

JPEG2000 = "jpeg2000"
"""Name of the distortion that is rendered in groups."""


class GroupRenderer(Protocol):
    """A renderer of several originals at once, such as `imagenetq.torch.jpeg2000.ladder.Ladder`."""

    most_pixels: int
    """Most pixels that one picture may have."""

    pixels_at_once: int
    """Number of pixels that a group should have."""

    def queue(self, pictures: Sequence[torch.Tensor], targets: Sequence[Value]) -> Rendering:
        """Queue originals, uint8 of shape (height, width, 3), to be rendered at several values."""


@dataclass(frozen=True)
class Engine:
    """A way to render on a device."""

    name: str
    """Name for messages."""

    distortions: dict[str, Renderer]
    """Renderers of one original, by the distortion's name."""

    samples_at_once: int
    """Number of samples to distort at once; bounds the memory that large pictures take."""

    jpeg2000: GroupRenderer | None = None
    """Renderer of JPEG 2000, in groups; None leaves it to others."""

    in_batches: dict[str, BatchRenderer] = field(default_factory=dict)
    """Renderers of several originals at once, by the distortion's name; the rest go one by one."""

    @property
    def rendered(self) -> list[str]:
        """The distortions that it renders, in groups or one by one."""
        return [*self.distortions, *([JPEG2000] if self.jpeg2000 is not None else [])]

    def most_pixels(self, variant: Variant) -> float:
        """Give the most pixels that an image of a variant may have; `inf` if there is no limit."""
        if variant.distortion == JPEG2000 and self.jpeg2000 is not None:
            return self.jpeg2000.most_pixels
        return inf

    def render(self, original: Original, variants: Sequence[Variant]) -> torch.Tensor:
        """Render variants of one original, those of one distortion beside each other.

        Returns:
            uint8 of shape (len(variants), height, width, 3).
        """
        out = original.pixels.new_empty((len(variants), *original.pixels.shape))
        start = 0
        for distortion, rungs in groupby(variants, key=lambda variant: variant.distortion):
            values = [rung.value for rung in rungs]
            levels = out[start : start + len(values)]
            start += len(values)
            if distortion == CLEAN:
                levels[0] = original.pixels
                continue
            known = [value for value in values if value is not None]
            if distortion == JPEG2000 and self.jpeg2000 is not None:
                levels.copy_(self.jpeg2000.queue([original.pixels], known).levels[0])
            else:
                self.distortions[distortion](original, known, levels)
        return out


TENSORS = Engine(
    "tensors",
    {"blur": blur.blur, "noise": noise.noise, "contrast": contrast.contrast, "jpeg": jpeg.jpeg},
    samples_at_once=2**25,
)


def triton_engine() -> Engine:
    """Make the engine of kernels, which needs the package `triton`."""
    from imagenetq.torch import kernels

    return Engine(
        "kernels",
        {
            "blur": kernels.blur,
            "noise": kernels.noise,
            "contrast": kernels.contrast,
            "jpeg": kernels.jpeg,
        },
        samples_at_once=2**28,
        in_batches={
            "blur": kernels.blur_each,
            "noise": kernels.noise_each,
            "contrast": kernels.contrast_each,
            "jpeg": kernels.jpeg_each,
        },
    )


def engine_for(device: torch.device) -> Engine:
    """Choose the quickest engine for a device."""
    if device.type == "cuda" and find_spec("triton") is not None:
        return triton_engine()
    return TENSORS
