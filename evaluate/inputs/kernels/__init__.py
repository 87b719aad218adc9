"""Pictures come in; crops and normalised inputs go out, by kernels for GPUs, in Triton.

Every kernel has its twin in tensors beside this folder, which is what it is tested against, and
what runs where there is no Triton.
"""

from imagenetq.evaluate.inputs.kernels.normalise import looked_up
from imagenetq.evaluate.inputs.kernels.resize import cropped

__all__ = ["cropped", "looked_up"]
