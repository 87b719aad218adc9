"""The same pixels by kernels for GPUs, in Triton: each step one pass over the memory.

Every kernel has its twin in tensors beside this folder, which is what it is tested against, and
what runs where there is no Triton.
"""

from imagenetq.evaluate.rendering.kernels.blur import blur
from imagenetq.evaluate.rendering.kernels.contrast import contrast
from imagenetq.evaluate.rendering.kernels.jpeg import jpeg
from imagenetq.evaluate.rendering.kernels.noise import noise
from imagenetq.evaluate.rendering.kernels.normalising import looked_up
from imagenetq.evaluate.rendering.kernels.resize import cropped

__all__ = ["blur", "contrast", "cropped", "jpeg", "looked_up", "noise"]
