"""Choose what renders on a device: kernels if it is a GPU and Triton is there, else tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from math import inf
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.specification import CLEAN, Value, Variant
from imagenetq.torch import blur, contrast, jpeg, noise
from imagenetq.torch.jpeg2000.ladder import Rendering
from imagenetq.torch.original import ImageTable, Original, Originals, stacks_in_one

Renderer = Callable[[Originals, NDArray[np.float64], ImageTable], None]
"""Renders originals, each at several values of its own, float64 of shape (n, n_levels). It is told
where the first level of each goes; the others follow it."""

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
    """Renderers by the distortion's name."""

    samples_at_once: int
    """Number of samples to distort at once; bounds the memory that large pictures take."""

    jpeg2000: GroupRenderer | None = None
    """Renderer of JPEG 2000; None leaves it to others."""

    @property
    def rendered(self) -> list[str]:
        """The distortions that it renders."""
        return [*self.distortions, *([JPEG2000] if self.jpeg2000 is not None else [])]

    def most_pixels(self, variant: Variant) -> float:
        """Give the most pixels that an image of a variant may have; `inf` if there is no limit."""
        if variant.distortion == JPEG2000 and self.jpeg2000 is not None:
            return self.jpeg2000.most_pixels
        return inf

    def render(
        self,
        pictures: Sequence[torch.Tensor],
        image_ids: Sequence[str],
        variants: Sequence[Variant],
    ) -> list[torch.Tensor]:
        """Render the same variants of all originals, those of one distortion beside each other.

        Pictures are uint8 of shape (height, width, 3), contiguous, of any sizes. Each becomes a
        tensor, uint8 of shape (len(variants), height, width, 3).
        """
        shapes = [(len(variants), int(one.shape[0]), int(one.shape[1])) for one in pictures]
        rendered = stacks_in_one(shapes, pictures[0].device)
        originals = Originals(ImageTable.of([one[None] for one in pictures]), image_ids)
        out = ImageTable.of(rendered)
        first = np.arange(len(pictures)) * len(variants)
        for distortion, rungs in groupby(variants, key=lambda variant: variant.distortion):
            values = [rung.value for rung in rungs]
            known = [value for value in values if value is not None]
            if distortion == CLEAN:
                copy_all(out.take(first), originals.images)
            elif distortion == JPEG2000 and self.jpeg2000 is not None:
                queued = self.jpeg2000.queue(pictures, known)
                for index, levels in zip(first.tolist(), queued.levels, strict=True):
                    out.images(index, len(known)).copy_(levels)
            else:
                each = np.tile(np.array(known, np.float64), (len(pictures), 1))
                self.distortions[distortion](originals, each, out.take(first))
            first = first + len(values)
        return rendered


def copy_all(out: ImageTable, images: ImageTable) -> None:
    """Copy images to others of their sizes."""
    torch._foreach_copy_(
        [out.images(index) for index in range(len(out))],
        [images.images(index) for index in range(len(images))],
    )


def _one_by_one(render: Callable[[Original, Sequence[Value], torch.Tensor], None]) -> Renderer:
    """Make a renderer of one that takes a single original."""

    def render_each(originals: Originals, values: NDArray[np.float64], out: ImageTable) -> None:
        for index, image_id in enumerate(originals.image_ids):
            original = Original(originals.images.images(index)[0], image_id)
            levels = values[index].tolist()
            render(original, levels, out.images(index, len(levels)))

    return render_each


TENSORS = Engine(
    "tensors",
    {
        "blur": _one_by_one(blur.blur),
        "noise": _one_by_one(noise.noise),
        "contrast": _one_by_one(contrast.contrast),
        "jpeg": _one_by_one(jpeg.jpeg),
    },
    samples_at_once=2**25,
)


def triton_engine() -> Engine:
    """Make the engine of kernels, which needs the package `triton`."""
    from imagenetq.torch import kernels

    renderers = (kernels.blur, kernels.noise, kernels.contrast, kernels.jpeg)
    return Engine("kernels", {one.__name__: one for one in renderers}, samples_at_once=2**28)


def engine_for(device: torch.device) -> Engine:
    """Choose the quickest engine for a device."""
    if device.type == "cuda" and find_spec("triton") is not None:
        return triton_engine()
    return TENSORS
