"""Keep of a batch's logits what the scores need, as one array."""

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

ANSWER = np.dtype(
    [
        ("top5_class", np.int16, 5),
        ("top5_probability", np.float32, 5),
        ("true_probability", np.float32),
        ("true_rank", np.int16),
        ("finite", np.bool_),
    ]
)
"""A network's answer to one image: the five likeliest classes, best first, and of equal logits the
lower class first, with their softmax; the probability and rank, from 1, of the true class; and
whether all logits were finite numbers."""

Answers: TypeAlias = NDArray[np.void]
"""Answers to n images: of dtype `ANSWER` and shape (n,)."""


def pack(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Put all that is kept into one tensor, so that one copy brings it to the host.

    Args:
        logits: float32 of shape (n, 1000).
        labels: int64 of shape (n,).

    Returns:
        float32 of shape (n, 13), for `unpack`.
    """
    probabilities = logits.softmax(dim=1)
    # Stable, so that equal logits stay in class order; topk promises nothing about them.
    order = torch.sort(logits, dim=1, descending=True, stable=True).indices
    top5 = order[:, :5]
    rank = (order == labels[:, None]).to(torch.uint8).argmax(dim=1) + 1
    columns = [
        top5.float(),
        probabilities.gather(1, top5),
        probabilities.gather(1, labels[:, None]),
        rank[:, None].float(),
        torch.isfinite(logits).all(dim=1, keepdim=True).float(),
    ]
    return torch.cat(columns, dim=1)


def unpack(packed: torch.Tensor) -> Answers:
    """Read what `pack` has put together, once it is on the host."""
    values = packed.numpy()
    answers = np.empty(len(values), ANSWER)
    answers["top5_class"] = values[:, :5]
    answers["top5_probability"] = values[:, 5:10]
    answers["true_probability"] = values[:, 10]
    answers["true_rank"] = values[:, 11]
    answers["finite"] = values[:, 12] > 0
    return answers
