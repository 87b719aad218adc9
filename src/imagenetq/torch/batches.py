"""Take batches of images apart for rendering, and put the rendered images back together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch

from imagenetq.decoding import MAX_SIDE
from imagenetq.errors import UsageError

Channels = Literal["first", "last"]
"""Where channels are: `"first"` in (..., 3, height, width), `"last"` in (..., height, width, 3)."""

Images = torch.Tensor | list[torch.Tensor] | tuple[torch.Tensor, ...]
"""A tensor of one image or of several of one size, or a sequence of images of any sizes."""

AnyImages = TypeVar("AnyImages", torch.Tensor, list[torch.Tensor], tuple[torch.Tensor, ...])
"""One form of `Images`: a function gives back the form that it takes."""

_SHAPES = {"first": "3, height, width", "last": "height, width, 3"}


@dataclass(frozen=True)
class Pictures:
    """A batch taken apart for rendering, with what is needed to put it back together."""

    groups: tuple[torch.Tensor, ...]
    """One for each tensor of the batch, uint8 of shape (n, height, width, 3), contiguous; n is 1
    where a tensor is one image."""

    device: torch.device
    _images: Images
    _channels: Channels

    @classmethod
    def of(cls, images: Any, channels: Channels) -> "Pictures":
        """Take a batch apart, in any form that `imagenetq.torch.render` takes."""
        if channels not in _SHAPES:
            raise UsageError(f"channels are 'first' or 'last', not {channels!r}")
        tensors = list(images) if isinstance(images, list | tuple) else [images]
        for tensor in tensors:
            _check(tensor, channels, alone=isinstance(images, list | tuple))
        if not tensors:
            raise UsageError("an empty batch: give at least one image")
        devices = sorted({str(tensor.device) for tensor in tensors})
        if len(devices) > 1:
            raise UsageError(f"images of one batch lie on {' and '.join(devices)}; give one device")
        plain = [tensor.as_subclass(torch.Tensor) for tensor in tensors]
        several = [tensor if tensor.ndim == 4 else tensor[None] for tensor in plain]
        if channels == "first":
            several = [tensor.permute(0, 2, 3, 1) for tensor in several]
        groups = tuple(tensor.contiguous() for tensor in several)
        return cls(groups, tensors[0].device, images, channels)

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    def given_back(self, rendered: Sequence[torch.Tensor]) -> Images:
        """Put rendered groups into the form and the memory format that the batch came in."""
        tensors = self._images if isinstance(self._images, list | tuple) else [self._images]
        back = [
            _as_given(one, tensor, self._channels)
            for one, tensor in zip(rendered, tensors, strict=True)
        ]
        if isinstance(self._images, tuple):
            return tuple(back)
        return back if isinstance(self._images, list) else back[0]


def _check(tensor: Any, channels: Channels, *, alone: bool) -> None:
    shape = _SHAPES[channels]
    wanted = f"({shape})" if alone else f"(n, {shape}) or ({shape})"
    if not isinstance(tensor, torch.Tensor):
        raise UsageError(
            f"images are uint8 tensors of shape {wanted}, not {type(tensor).__name__}; "
            "imagenetq.render and imagenetq.Distort take arrays and Pillow images"
        )
    if tensor.dtype != torch.uint8:
        raise UsageError(
            f"images are uint8, 0 to 255, not {str(tensor.dtype).removeprefix('torch.')}; distort "
            "before scaling and normalising"
        )
    if tensor.layout != torch.strided:
        raise UsageError(f"images are dense tensors, not {tensor.layout}")
    sides = tensor.shape[-2:] if channels == "first" else tensor.shape[-3:-1]
    axis, other = (-3, -1) if channels == "first" else (-1, -3)
    if tensor.ndim not in ((3,) if alone else (3, 4)) or tensor.shape[axis] != 3:
        hint = ""
        if tensor.ndim in (3, 4) and tensor.shape[other] == 3:
            hint = f"; channels='{'last' if channels == 'first' else 'first'}' takes this one"
        raise UsageError(f"images have shape {wanted}, not {tuple(tensor.shape)}{hint}")
    if tensor.numel() == 0:
        raise UsageError(f"a batch of shape {tuple(tensor.shape)} holds no samples")
    if max(sides) > MAX_SIDE:
        raise UsageError(f"an image has a side of {max(sides)} pixels; at most {MAX_SIDE}")


def _as_given(rendered: torch.Tensor, like: torch.Tensor, channels: Channels) -> torch.Tensor:
    if channels == "first":
        rendered = rendered.permute(0, 3, 1, 2)
        if like.is_contiguous():
            rendered = rendered.contiguous()
    # A torchvision `Image`, a subclass of tensors, comes back as one.
    return (rendered[0] if like.ndim == 3 else rendered).as_subclass(type(like))
