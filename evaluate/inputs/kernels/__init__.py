"""Crop and normalise images with kernels for GPUs, in Triton.

Every kernel has a twin in tensors beside this folder. The kernel is tested against the twin, which
runs where there is no Triton.
"""

from imagenetq.evaluate.inputs.kernels.normalise import looked_up
from imagenetq.evaluate.inputs.kernels.resize import cropped

__all__ = ["cropped", "looked_up"]
