"""Render JPEG 2000 of photographs as they come: a group at a time, on a stream of its own.

Its coder is serial within a code block, so one photograph alone would leave most of a GPU idle.
What a group still leaves idle is used by the networks, whose work runs beside it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import SampleInfo
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.resize import CropFunction, crops_of
from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.specification import Value, Variant
from imagenetq.torch.engine import GroupRenderer
from imagenetq.torch.jpeg2000.ladder import Rendering

MOST_IMAGES = 256
"""Most photographs that are rendered together: tiny ones take memory that does not depend on their
pixels."""

_IN_FLIGHT = 3
"""Number of groups that may be on their way before the host waits for the oldest."""


@dataclass(frozen=True)
class _Image:
    """A photograph that waits for its group: pixels on the device, and infos of its variants."""

    pixels: torch.Tensor
    infos: tuple[SampleInfo, ...]

    @property
    def n_pixels(self) -> int:
        return self.pixels.numel() // 3


@dataclass(frozen=True)
class _Group:
    """A group that is queued on the device."""

    rendering: Rendering
    batch: Batch
    finished: torch.cuda.Event | None

    @property
    def is_rendered(self) -> bool:
        return self.finished is None or bool(
            self.finished.query()  # type: ignore[no-untyped-call]
        )


class Groups:
    """A queue of photographs that are rendered in groups, and of the inputs made of them.

    The device must be the current one.
    """

    def __init__(
        self,
        renderer: GroupRenderer,
        cropped: CropFunction,
        device: torch.device,
        preprocessings: Sequence[Preprocessing],
    ) -> None:
        self._renderer, self._cropped, self._preprocessings = renderer, cropped, preprocessings
        self._pixels_at_once, self._device = renderer.pixels_at_once, device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._waiting: list[_Image] = []
        self._variants: tuple[Variant, ...] = ()
        self._queued: deque[_Group] = deque()

    def add(
        self, pixels: torch.Tensor, variants: tuple[Variant, ...], infos: tuple[SampleInfo, ...]
    ) -> None:
        """Add a photograph to the waiting group, which is started first if it has no place for it.

        Its pixels are uint8 of shape (height, width, 3), on the device.
        """
        image = _Image(pixels, infos)
        n_pixels = sum(one.n_pixels for one in self._waiting) + image.n_pixels
        is_full = n_pixels > self._pixels_at_once or len(self._waiting) == MOST_IMAGES
        if self._waiting and (is_full or variants != self._variants):
            self._start_waiting()
        self._waiting.append(image)
        self._variants = variants

    def ready(self) -> Iterator[Batch]:
        """Give the inputs of groups that are rendered; wait only if too many are on their way."""
        while self._queued:
            if len(self._queued) <= _IN_FLIGHT and not self._queued[0].is_rendered:
                return
            yield self._oldest()

    def rest(self) -> Iterator[Batch]:
        """Give the inputs of all photographs that are left."""
        if self._waiting:
            self._start_waiting()
        while self._queued:
            yield self._oldest()

    def _start_waiting(self) -> None:
        images, self._waiting = self._waiting, []
        values = [variant.value for variant in self._variants if variant.value is not None]
        self._start(images, values)

    def _start(self, images: Sequence[_Image], values: Sequence[Value]) -> None:
        """Queue a group, or its halves where memory is short."""
        try:
            self._queued.append(self._rendered(images, values))
        except torch.OutOfMemoryError:
            if len(images) == 1:
                raise no_memory(self._device, "JPEG 2000", images[0].pixels) from None
            torch.cuda.empty_cache()
            self._pixels_at_once = max(1, sum(image.n_pixels for image in images) // 2)
            half = len(images) // 2
            self._start(images[:half], values)
            self._start(images[half:], values)

    def _rendered(self, images: Sequence[_Image], values: Sequence[Value]) -> _Group:
        on_stream = nullcontext() if self._stream is None else torch.cuda.stream(self._stream)
        if self._stream is not None:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
            for image in images:
                # The memory may be used again only when the group is through with it.
                image.pixels.record_stream(self._stream)
        with on_stream, torch.inference_mode():
            rendering = self._renderer.queue([image.pixels for image in images], values)
            inputs = crops_of(rendering.levels, self._cropped, self._preprocessings)
        infos = tuple(info for image in images for info in image.infos)
        finished = None if self._stream is None else self._stream.record_event()
        return _Group(rendering, Batch(inputs, infos, ()), finished)

    def _oldest(self) -> Batch:
        group = self._queued.popleft()
        if group.finished is not None:
            group.finished.synchronize()
        group.rendering.check()
        if self._stream is not None:
            for tensor in group.batch.inputs:
                tensor.record_stream(torch.cuda.current_stream(self._device))
        return group.batch


def no_memory(device: torch.device, what: str, pixels: torch.Tensor) -> EvaluationError:
    """Make the error that a device has no memory for `what` of one image, of (h, w, 3)."""
    return EvaluationError(
        f"no memory is left on {device} for {what} of an image of {pixels.numel() // 3} pixels; "
        "the same command with --render cpu goes on"
    )
