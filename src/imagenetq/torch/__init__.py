"""The same variants on tensors and GPUs, bit for bit; the contract's only room that needs torch."""

from imagenetq.torch.streaming import VariantStream as VariantStream
