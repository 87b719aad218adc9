"""Render the same pixels by Triton kernels on GPUs, each step in one pass over the memory.

Every kernel has a twin in tensors beside this folder. The kernel is tested against its twin, and
the twin runs where there is no Triton.
"""

from imagenetq.torch.kernels.blur import blur, blur_each
from imagenetq.torch.kernels.contrast import contrast, contrast_each
from imagenetq.torch.kernels.jpeg import jpeg, jpeg_each
from imagenetq.torch.kernels.noise import noise, noise_each

__all__ = [
    "blur",
    "blur_each",
    "contrast",
    "contrast_each",
    "jpeg",
    "jpeg_each",
    "noise",
    "noise_each",
]
