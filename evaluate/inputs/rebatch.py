"""Join pieces to whole batches on the device, where all networks share them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import torch

from imagenetq.evaluate.data.base import SampleInfo
from imagenetq.evaluate.inputs.batch import Batch, concatenated
from imagenetq.torch.transfer import Copier


def whole_batches(
    stream: Iterator[Batch], device: torch.device, batch_size: int
) -> Iterator[Batch]:
    """Give the same samples in the same order, in batches of one size but for the last.

    Their inputs are on the device; a GPU must be the current one.

    Raises:
        ModelError: a preprocessing gave inputs of different sizes.
    """
    copier = Copier(device)
    joiner = _Joiner()
    for piece in stream:
        batch = replace(piece, inputs=tuple(copier.to_device(one) for one in piece.inputs))
        if joiner.is_empty and len(batch.infos) == batch_size:
            yield batch
            continue
        joiner.add(batch)
        while joiner.n_samples >= batch_size:
            yield joiner.taken(batch_size)
    if not joiner.is_empty:
        yield joiner.taken(joiner.n_samples)


class _Joiner:
    """Pieces that wait for others to make a whole batch."""

    def __init__(self) -> None:
        self._inputs: list[tuple[torch.Tensor, ...]] = []
        self._infos: deque[SampleInfo] = deque()
        self._finished: list[tuple[str, int]] = []

    @property
    def n_samples(self) -> int:
        return len(self._infos)

    @property
    def is_empty(self) -> bool:
        """Whether neither a sample nor the news of a finished task waits."""
        return not self._infos and not self._finished

    def add(self, piece: Batch) -> None:
        """Let a piece wait."""
        if piece.infos:
            self._inputs.append(piece.inputs)
        self._infos.extend(piece.infos)
        self._finished.extend(piece.finished)

    def taken(self, size: int) -> Batch:
        """Take the first samples as a batch, with all news of finished tasks."""
        with torch.inference_mode():
            joined = [concatenated(column) for column in zip(*self._inputs, strict=True)]
            inputs = tuple(column[:size] for column in joined)
            left = tuple(column[size:] for column in joined)
        infos = tuple(self._infos.popleft() for _ in range(size))
        self._inputs = [left] if self._infos else []
        finished, self._finished = tuple(self._finished), []
        return Batch(inputs, infos, finished)
