"""Record a network's work on a whole batch as a CUDA graph, which the host starts in one call.

A quick network is through with its kernels before the host has started the next ones.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import torch

Work = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""What is recorded: makes one tensor of a batch's inputs and labels, on the GPU."""

GraphPool: TypeAlias = Any
"""Memory that graphs share, as `torch.cuda.graph_pool_handle` gives it; its type is private."""


class Recorded:
    """Work on batches of one shape, recorded on one of them.

    Memory that the work takes is kept until this object is gone, or shared with others of one pool.
    """

    def __init__(
        self, work: Work, inputs: torch.Tensor, labels: torch.Tensor, pool: GraphPool
    ) -> None:
        """Record the work, which must have been done before, on the current GPU.

        It raises whatever the work raises if it cannot be recorded, such as when it waits for the
        GPU.
        """
        self._inputs, self._labels = inputs.clone(), labels.clone()
        self._graph = torch.cuda.CUDAGraph()
        # Other threads, which copy to and from the GPU, must not spoil the recording.
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._made = work(self._inputs, self._labels)

    def __call__(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Do the work; the result is valid until it is done again on the same stream."""
        self._inputs.copy_(inputs, non_blocking=True)
        self._labels.copy_(labels, non_blocking=True)
        self._graph.replay()
        return self._made


def recorded(
    work: Work,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    expected: torch.Tensor,
    pool: GraphPool,
) -> Recorded | None:
    """Record work if it can be, and if it then makes of a batch the very bytes that it made before.

    Args:
        work: as for `Recorded`.
        inputs: a whole batch's.
        labels: its labels.
        expected: what the work made of it.
        pool: memory to share.

    Returns:
        The recorded work; None if it must be started kernel by kernel.
    """
    try:
        made = Recorded(work, inputs, labels, pool)
        # A network may look at more than its inputs, or sum up in another order each time.
        if torch.equal(made(inputs, labels), expected):
            return made
    except Exception:  # Whatever keeps a network from being recorded, it can run without.
        with suppress(RuntimeError):
            torch.cuda.synchronize()
    return None
