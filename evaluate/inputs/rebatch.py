"""Join pieces to whole batches on the device, where all networks share them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import torch

from imagenetq.evaluate.inputs.batch import Batch, concatenated
from imagenetq.torch.transfer import Copier


def whole_batches(stream: Iterator[Batch], device: torch.device, size: int) -> Iterator[Batch]:
    """Give the same samples in the same order, in batches of one size but for the last.

    Their inputs are on the device; a GPU must be the current one.
    """
    copier = Copier(device)
    joiner = _Joiner()
    for piece in stream:
        batch = replace(piece, inputs=tuple(copier.to_device(one) for one in piece.inputs))
        if joiner.is_empty and len(batch.infos) == size:
            yield batch
            continue
        joiner.add(batch)
        while joiner.n_samples >= size:
            yield joiner.taken(size)
    if not joiner.is_empty:
        yield joiner.taken(joiner.n_samples)


class _Joiner:
    """Pieces that wait for others to make a whole batch."""

    def __init__(self) -> None:
        self._pieces: list[Batch] = []
        self._finished: list[tuple[str, int]] = []
        self.n_samples = 0

    @property
    def is_empty(self) -> bool:
        """Whether neither a sample nor the news of a finished task waits."""
        return not self._pieces and not self._finished

    def add(self, piece: Batch) -> None:
        """Let a piece wait."""
        if piece.infos:
            self._pieces.append(piece)
        self.n_samples += len(piece.infos)
        self._finished.extend(piece.finished)

    def taken(self, size: int) -> Batch:
        """Take the first samples as a batch, with all news of finished tasks."""
        taken: list[Batch] = []
        left = size
        while left:
            piece = self._pieces.pop(0)
            if len(piece.infos) > left:
                self._pieces.insert(0, _part(piece, slice(left, None)))
                piece = _part(piece, slice(left))
            taken.append(piece)
            left -= len(piece.infos)
        self.n_samples -= size
        with torch.inference_mode():
            columns = zip(*(piece.inputs for piece in taken), strict=True)
            inputs = tuple(concatenated(column) for column in columns)
        infos = tuple(chain.from_iterable(piece.infos for piece in taken))
        finished, self._finished = tuple(self._finished), []
        return Batch(inputs, infos, finished)


def _part(piece: Batch, rows: slice) -> Batch:
    inputs = tuple(column[rows] for column in piece.inputs)
    return replace(piece, inputs=inputs, infos=piece.infos[rows])
