"""Render the JPEG 2000 ladder in plain Python, to test the rules of the kernels without a GPU.

This code is slow, and meant to be read. No codestream is written or read. What OpenJPEG's decoder
gives after the first layers follows from the coefficients, from how many coding passes of each code
block the layers hold, and from one bit for each coefficient: whether it became significant in a
significance pass or in a cleanup pass. The arithmetic coder runs once, to learn how many bytes each
pass takes.
"""

from imagenetq.torch.jpeg2000.reference.ladder import render

__all__ = ["render"]
