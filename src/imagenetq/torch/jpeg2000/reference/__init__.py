"""The JPEG 2000 ladder in plain Python: what the kernels are held against where there is no GPU.

Slow, and meant to be read. No codestream is written or read: what OpenJPEG's decoder gives after
the first layers follows from the coefficients, from how many coding passes of each code block the
layers hold, and from one bit a coefficient: did it become significant in a significance pass, or in
a cleanup pass? The arithmetic coder runs once, to learn how many bytes each pass takes.
"""

from imagenetq.torch.jpeg2000.reference.ladder import render

__all__ = ["render"]
