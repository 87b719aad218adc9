"""Bring tensors and tables to a device without waiting for what it has still to do."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device; one that is on a GPU already stays where it is."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    # Only copies from pinned memory do not wait.
    return tensor.pin_memory().to(device, non_blocking=True)


def table_on(table: NDArray[Any], device: torch.device) -> torch.Tensor:
    """A table on a device.

    Args:
        table: of any type that torch has; it must not change afterwards.
        device: where to.
    """
    return to_device(torch.from_numpy(np.ascontiguousarray(table)), device)
