"""Keep short lists of numbers on the device, which kernels take beside pictures."""

from functools import lru_cache

import numpy as np
import torch

from imagenetq.torch.transfer import table_on


@lru_cache
def integers(values: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Bring whole numbers to a device as an int32 table."""
    return table_on(np.array(values, np.int32), device)
