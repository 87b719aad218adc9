"""Render the same pixels by Triton kernels on GPUs: all images at once, whatever their sizes.

Every kernel has a twin in tensors beside this folder. The kernel is tested against its twin, and
the twin runs where there is no Triton.
"""

from imagenetq.torch.kernels.blur import blur
from imagenetq.torch.kernels.contrast import contrast
from imagenetq.torch.kernels.jpeg import jpeg
from imagenetq.torch.kernels.noise import noise

__all__ = ["blur", "contrast", "jpeg", "noise"]
