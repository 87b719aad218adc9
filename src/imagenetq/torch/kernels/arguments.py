"""What kernels are given beside pictures: short lists of numbers, kept on the device."""

from functools import lru_cache

import numpy as np
import torch

from imagenetq.torch.transfer import table_on


@lru_cache
def integers(values: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Whole numbers as an int32 table."""
    return table_on(np.array(values, np.int32), device)
