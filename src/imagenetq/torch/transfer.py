"""Bring tensors and tables to a device without waiting for what it has still to do."""

import contextlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device; one that is on a GPU already stays where it is."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    # Only copies from pinned memory do not wait; what is there already is not copied again.
    return tensor.pin_memory().to(device, non_blocking=True)


class Copier:
    """Copies to a device while it computes.

    On a GPU copies have a stream of their own, so that the next batch arrives during the current
    one; what is queued after a copy waits for it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = (
            torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            if device.type == "cuda"
            else None
        )

    def to_device(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor on the device; one that is on a GPU already stays where it is."""
        if self._stream is None or tensor.is_cuda:
            return to_device(tensor, self._device)
        computing = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._stream):
            copy = to_device(tensor, self._device)
        computing.wait_stream(self._stream)
        # Its memory may be used again only when the computation is through with it.
        copy.record_stream(computing)
        return copy


def table_on(table: NDArray[Any], device: torch.device) -> torch.Tensor:
    """A table on a device.

    Args:
        table: of any type that torch has; it must not change afterwards.
        device: where to.
    """
    return to_device(torch.from_numpy(np.ascontiguousarray(table)), device)


def made_current(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Make a GPU the current one until the end of the block: kernels start on that."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
