"""Resizing, cropping and normalising by kernels for GPUs, in Triton; their twins stand beside."""

from imagenetq.evaluate.inputs.kernels.normalise import looked_up
from imagenetq.evaluate.inputs.kernels.resize import cropped

__all__ = ["cropped", "looked_up"]
