"""What renders on a device: kernels where there is Triton and a GPU for it, else tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import inf
from typing import Protocol

import torch

from imagenetq.specification import Value, Variant
from imagenetq.torch import blur, contrast, jpeg, noise
from imagenetq.torch.jpeg2000.ladder import Rendering
from imagenetq.torch.original import Original, Originals

Renderer = Callable[[Original, Sequence[Value], torch.Tensor], None]
"""Renders one original at several parameter values into uint8 of shape (n, height, width, 3)."""

BatchRenderer = Callable[[Originals, Sequence[Value], torch.Tensor], None]
"""Renders originals of one size, each at its own value, into uint8 of their shape."""

JPEG2000 = "jpeg2000"
"""The distortion that is rendered in groups."""


class GroupRenderer(Protocol):
    """Renders several originals at once, as `imagenetq.torch.jpeg2000.ladder.Ladder` does."""

    most_pixels: int
    pixels_at_once: int

    def queue(self, pictures: Sequence[torch.Tensor], targets: Sequence[Value]) -> Rendering:
        """Render originals of shape (height, width, 3) at several values."""


@dataclass(frozen=True)
class Engine:
    """One way to render on a device."""

    name: str
    """For messages."""

    distortions: dict[str, Renderer]
    """What it renders, by the distortion's name."""

    samples_at_once: int
    """Of distorted pictures; bounds the memory that large photographs take."""

    jpeg2000: GroupRenderer | None = None
    """Renders JPEG 2000, in groups; None leaves it to others."""

    in_batches: dict[str, BatchRenderer] = field(default_factory=dict)
    """What it renders of several originals at once; the rest one by one."""

    @property
    def rendered(self) -> list[str]:
        """The distortions that it renders, in groups or one by one."""
        return [*self.distortions, *([JPEG2000] if self.jpeg2000 is not None else [])]

    def most_pixels(self, variant: Variant) -> float:
        """How many an image may have of which it renders a variant."""
        if variant.distortion == JPEG2000 and self.jpeg2000 is not None:
            return self.jpeg2000.most_pixels
        return inf


TENSORS = Engine(
    "tensors",
    {"blur": blur.blur, "noise": noise.noise, "contrast": contrast.contrast, "jpeg": jpeg.jpeg},
    samples_at_once=2**25,
)


def triton_engine() -> Engine:
    """The engine of Triton's kernels, which needs the package of that name."""
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
    """The quickest engine for a device."""
    if device.type == "cuda" and find_spec("triton") is not None:
        return triton_engine()
    return TENSORS
