"""Record a network's work on a whole batch as a CUDA graph, which the host starts in one call.

A quick network is through with its kernels before the host has started the next ones.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
        stream = torch.cuda.Stream(inputs.device)  # type: ignore[no-untyped-call]
        # The stream is left even if the recording ends in an error. Other threads, which copy to
        # and from the GPU, must not spoil it.
        with (
            torch.cuda.stream(stream),
            torch.cuda.graph(
                self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"
            ),
        ):
            self._made = work(self._inputs, self._labels)
        # If nothing was recorded, nothing will write over this.
        self._made.fill_(torch.nan)

    def takes(self, inputs: torch.Tensor) -> bool:
        """Tell whether a batch has the shape that was recorded."""
        return inputs.shape == self._inputs.shape

    def __call__(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Do the work; the result is valid until another graph of the pool is started."""
        self._inputs.copy_(inputs, non_blocking=True)
        self._labels.copy_(labels, non_blocking=True)
        self._graph.replay()
        return self._made


def recorded(
    work: Work, inputs: torch.Tensor, labels: torch.Tensor, pool: GraphPool
) -> Recorded | None:
    """Record work if it can be, and if it then gives the very bytes that it gives without.

    Args:
        work: as for `Recorded`.
        inputs: a whole batch's.
        labels: its labels.
        pool: memory to share.

    Returns:
        The recorded work; None if it must be started kernel by kernel.
    """
    try:
        # Another batch than the one that is recorded.
        other = inputs.flip(0), labels.flip(0)
        with _no_waiting():
            expected = work(*other)
        made = Recorded(work, inputs, labels, pool)
        # A network may look at more than its inputs, or sum up in another order each time.
        if torch.equal(made(*other), expected):
            return made
    except Exception:  # Whatever keeps a network from being recorded, it can run without.
        with suppress(RuntimeError):
            torch.cuda.synchronize()
    return None


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Make what waits for the GPU an error until the end of the block.

    Recording it would fail, too, but leave memory behind.
    """
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Torch warns that it may not notice all.
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)
