"""Make Caffe's layers in PyTorch where the two libraries are not obviously the same.

This file needs torch, so it is imported only where a model is loaded.
"""

from torch import nn


def max_pool(side: int, stride: int, padding: int = 0) -> nn.Module:
    """Make a layer that takes the maximum over square windows.

    Caffe rounds the size of the pooled map up, and lets the last window hang over the edge. With
    padding, it drops a last window that would begin outside the input and its first padding.
    PyTorch's `ceil_mode` always drops such a window. The two differ only if the stride exceeds the
    window, which is refused.

    Raises:
        ValueError: the stride exceeds the window.
    """
    if stride > side:
        raise ValueError(f"stride {stride} exceeds the window of {side}")
    return nn.MaxPool2d(side, stride, padding=padding, ceil_mode=True)


def normalisation(alpha: float, k: float) -> nn.Module:
    """Make a local response normalisation over 5 channels.

    It gives `x / (k + alpha / 5 * sum(x**2)) ** 0.75`. Both libraries divide `alpha` by 5, and
    count channels beyond the ends as zeros.
    """
    return nn.LocalResponseNorm(5, alpha=alpha, beta=0.75, k=k)
