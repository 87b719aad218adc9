"""The same pixels by kernels for GPUs, in Triton: each step one pass over the memory.

Every kernel has its twin in tensors beside this folder, which is what it is tested against, and
what runs where there is no Triton.
"""

from imagenetq.torch.kernels.blur import blur
from imagenetq.torch.kernels.contrast import contrast
from imagenetq.torch.kernels.jpeg import jpeg
from imagenetq.torch.kernels.noise import noise

__all__ = ["blur", "contrast", "jpeg", "noise"]
