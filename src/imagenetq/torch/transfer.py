"""Bring tensors and tables to a device without waiting for its pending work."""

import contextlib
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

Given = ParamSpec("Given")
Brought = TypeVar("Brought")

_SMALL = 2**16
"""Most bytes that the driver takes along with the command to copy them."""


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Bring a tensor to a device; one that is there already is not copied."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    if tensor.nbytes > _SMALL and not tensor.is_pinned():
        # A copy of more from other memory waits for the device's pending work.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


class Copier:
    """A copier of tensors to a device, which copies while the device computes.

    On a GPU, copies have a stream of their own, so that the next batch arrives while the current
    one is computed. What is queued after a copy waits for it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def to_device(self, tensor: torch.Tensor) -> torch.Tensor:
        """Bring a tensor to the device; one that is there already is not copied."""
        if self._stream is None or tensor.is_cuda:
            return to_device(tensor, self._device)
        computing = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._stream):
            copy = to_device(tensor, self._device)
        computing.wait_stream(self._stream)
        # The copy's memory may be used again only when the computation is through with it.
        copy.record_stream(computing)
        return copy

    def wait(self) -> None:
        """Wait until what was copied is there, so that its source may change."""
        if self._stream is not None:
            self._stream.synchronize()


def table_on(table: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Bring a table to a device; the array must not change afterwards."""
    return to_device(torch.from_numpy(np.ascontiguousarray(table)), device)


def kept_on_device(most: int) -> Callable[[Callable[Given, Brought]], Callable[Given, Brought]]:
    """Keep what a function brings to a device, its last argument, for up to `most` arguments.

    Each stream of a GPU has its own: on another, a table might be used before it has arrived, or
    after its memory was given away.
    """

    def keep(bring: Callable[Given, Brought]) -> Callable[Given, Brought]:
        def cached() -> Callable[Given, Brought]:
            return cast(Callable[Given, Brought], lru_cache(most)(bring))

        of_stream: defaultdict[int, Callable[Given, Brought]] = defaultdict(cached)

        @wraps(bring)
        def brought(*arguments: Given.args, **named: Given.kwargs) -> Brought:
            device = cast(torch.device, arguments[-1])
            is_gpu = device.type == "cuda"
            stream = torch.cuda.current_stream(device).cuda_stream if is_gpu else 0
            return of_stream[stream](*arguments, **named)

        return brought

    return keep


def current_device(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Make a GPU the current one until the end of the block, so that kernels start there."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
