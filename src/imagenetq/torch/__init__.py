"""The same variants on tensors and GPUs, bit for bit; the contract's only room that needs torch."""
