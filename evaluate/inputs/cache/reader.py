"""Read whole batches out of the cache, with threads that read ahead."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.evaluate.data.base import SampleInfo, Task
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.cache.cached_inputs import CachedInputs, DamagedInputs
from imagenetq.evaluate.inputs.cache.store import Store
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing

_THREADS = 4
_AHEAD = 8
"""Number of batches that are read before they are asked for."""


@dataclass(frozen=True)
class CachedTask:
    """A task whose inputs the cache has for every preprocessing."""

    key: str

    inputs: tuple[CachedInputs, ...]
    """The inputs of each preprocessing."""

    infos: tuple[SampleInfo, ...]
    """What is known of the task's samples, in the order of the first inputs."""

    rows: tuple[NDArray[np.int64], ...]
    """For each inputs, the rows that hold these samples: int64 of shape (n,)."""

    @classmethod
    def find(
        cls,
        store: Store,
        task: Task,
        names: Sequence[str],
        preprocessings: Sequence[AnyPreprocessing],
    ) -> "CachedTask | None":
        """Find a task's inputs; None unless there are some for every preprocessing.

        Their names are those that `Store.key` gives, one for each preprocessing.
        """
        task_inputs = []
        for name, preprocessing in zip(names, preprocessings, strict=True):
            inputs = store.find(name)
            if inputs is None or inputs.size != preprocessing.input_size:
                return None
            if task.n_samples not in (None, len(inputs)):
                return None
            task_inputs.append(inputs)
        infos = SampleInfo.of_columns(task.key, task_inputs[0].columns)
        rows = [np.arange(len(infos))]
        for inputs in task_inputs[1:]:
            samples = zip(inputs.columns["image_id"], inputs.columns["variant"], strict=True)
            row_of = {sample: row for row, sample in enumerate(samples)}
            order = [row_of.get((info.image_id, info.variant), -1) for info in infos]
            if len(row_of) != len(infos) or -1 in order:
                return None
            rows.append(np.array(order))
        return cls(task.key, tuple(task_inputs), infos, tuple(rows))


@dataclass(frozen=True)
class _Piece:
    """Some consecutive samples of a cached task."""

    cached: CachedTask
    start: int
    stop: int

    @property
    def infos(self) -> tuple[SampleInfo, ...]:
        return self.cached.infos[self.start : self.stop]


class Lost:
    """Samples that were to come from the cache, but whose files are damaged or gone."""

    def __init__(self) -> None:
        self._names: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def add(self, infos: Sequence[SampleInfo]) -> None:
        """Remember samples."""
        for info in infos:
            self._names[info.task].add((info.image_id, info.variant))

    def __contains__(self, task: str) -> bool:
        """Tell whether samples of a task, given its key, are among them."""
        return task in self._names

    def only(self, stream: Iterator[Batch]) -> Iterator[Batch]:
        """Select these samples from batches of their whole tasks.

        The tasks have been announced as finished before, so these batches announce none.
        """
        for batch in stream:
            rows = [
                row
                for row, info in enumerate(batch.infos)
                if (info.image_id, info.variant) in self._names[info.task]
            ]
            if rows:
                inputs = tuple(tensor[rows] for tensor in batch.inputs)
                yield Batch(inputs, tuple(batch.infos[row] for row in rows), ())


def cached_batches(
    store: Store, tasks: Sequence[CachedTask], batch_size: int, lost: Lost, *, pinned: bool
) -> Iterator[Batch]:
    """Read all samples of cached tasks in their order, in batches across tasks.

    Samples that are damaged or gone are added to `lost`; damaged files are removed from the store.
    """
    waiting: deque[Future[tuple[Batch, list[_Piece]]]] = deque()

    def arrived() -> Batch:
        batch, missing = waiting.popleft().result()
        for piece in missing:
            lost.add(piece.infos)
        return batch

    with ThreadPoolExecutor(_THREADS) as threads:
        for pieces in _groups(tasks, batch_size):
            waiting.append(threads.submit(_read, store, pieces, pinned))
            if len(waiting) > _AHEAD:
                yield arrived()
        while waiting:
            yield arrived()


def _groups(tasks: Sequence[CachedTask], batch_size: int) -> Iterator[list[_Piece]]:
    """Divide tasks into the pieces of which each batch consists."""
    group: list[_Piece] = []
    room = batch_size
    for cached in tasks:
        start = 0
        while start < len(cached.infos):
            stop = min(start + room, len(cached.infos))
            group.append(_Piece(cached, start, stop))
            room -= stop - start
            start = stop
            if not room:
                yield group
                group, room = [], batch_size
    if group:
        yield group


def _read(store: Store, pieces: Sequence[_Piece], pinned: bool) -> tuple[Batch, list[_Piece]]:
    """Read a batch of those pieces that are whole, and list the others."""
    n_samples = sum(piece.stop - piece.start for piece in pieces)
    inputs = [
        torch.empty((n_samples, *one.size, 3), dtype=torch.uint8, pin_memory=pinned)
        for one in pieces[0].cached.inputs
    ]
    infos: list[SampleInfo] = []
    missing: list[_Piece] = []
    finished: list[tuple[str, int]] = []
    for piece in pieces:
        if _read_piece(store, piece, [tensor[len(infos) :] for tensor in inputs]):
            infos += piece.infos
        else:
            missing.append(piece)
        if piece.stop == len(piece.cached.infos):
            finished.append((piece.cached.key, piece.stop))
    read = tuple(tensor[: len(infos)] for tensor in inputs) if infos else ()
    return Batch(read, tuple(infos), tuple(finished)), missing


def _read_piece(store: Store, piece: _Piece, tensors: Sequence[torch.Tensor]) -> bool:
    """Read a piece into the beginning of its tensors; False if a file is damaged or gone."""
    cached = piece.cached
    for inputs, rows, tensor in zip(cached.inputs, cached.rows, tensors, strict=True):
        wanted = rows[piece.start : piece.stop]
        try:
            inputs.read(wanted, tensor[: len(wanted)].numpy())
        except FileNotFoundError:
            return False  # Removed to make room, or by a thread that found it damaged.
        except DamagedInputs as damage:
            store.drop(inputs.path, damage)
            return False
    return True
