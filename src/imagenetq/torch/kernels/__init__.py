"""The same pixels by kernels for GPUs, in Triton: each step one pass over the memory.

Every kernel has its twin in tensors beside this folder, which is what it is tested against, and
what runs where there is no Triton.
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
