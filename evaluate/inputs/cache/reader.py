"""Read whole batches out of the cache, with threads that read ahead."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.evaluate.data.base import Task
from imagenetq.evaluate.inputs.batch import Batch, SampleNote
from imagenetq.evaluate.inputs.cache.entry import DamagedEntry, Entry
from imagenetq.evaluate.inputs.cache.store import Store
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing

_THREADS = 4
_AHEAD = 8
"""Number of batches that are read before they are asked for."""


@dataclass(frozen=True)
class Cached:
    """A task whose inputs the cache has for every preprocessing."""

    key: str
    """Key of the task."""

    entries: tuple[Entry, ...]
    """One entry for each preprocessing."""

    notes: tuple[SampleNote, ...]
    """Notes of the task's samples, in the order of the first entry."""

    rows: tuple[NDArray[np.int64], ...]
    """For each entry, the rows that hold these samples: int64 of shape (n,)."""


@dataclass(frozen=True)
class _Piece:
    """Some consecutive samples of a cached task."""

    cached: Cached
    start: int
    stop: int

    @property
    def notes(self) -> tuple[SampleNote, ...]:
        return self.cached.notes[self.start : self.stop]

    @property
    def is_last(self) -> bool:
        return self.stop == len(self.cached.notes)


class Lost:
    """Samples that were to come from the cache, but whose entries are damaged or gone."""

    def __init__(self) -> None:
        self._names: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def add(self, notes: Sequence[SampleNote]) -> None:
        """Remember samples, given their notes."""
        for note in notes:
            self._names[note.task].add((note.image_id, note.variant))

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
                for row, note in enumerate(batch.notes)
                if (note.image_id, note.variant) in self._names[note.task]
            ]
            if rows:
                inputs = tuple(tensor[rows] for tensor in batch.inputs)
                yield Batch(inputs, tuple(batch.notes[row] for row in rows), ())


def find_cached(
    store: Store,
    task: Task,
    names: Sequence[str | None],
    preprocessings: Sequence[AnyPreprocessing],
) -> Cached | None:
    """Find the cached inputs of a task; None unless there are some for every preprocessing.

    Args:
        store: where to look.
        task: whose inputs to find.
        names: names of its entries, as `Store.key` gives them, one for each preprocessing.
        preprocessings: those that made the entries, in the same order.
    """
    entries = []
    for name, preprocessing in zip(names, preprocessings, strict=True):
        entry = None if name is None else store.find(name)
        if entry is None or entry.notes.size != preprocessing.input_size:
            return None
        if task.n_samples not in (None, len(entry.notes)):
            return None
        entries.append(entry)
    notes = entries[0].notes.of_task(task.key)
    rows = [np.arange(len(notes))]
    for entry in entries[1:]:
        found = _rows(notes, entry)
        if found is None:
            return None
        rows.append(found)
    return Cached(task.key, tuple(entries), notes, tuple(rows))


def _rows(notes: Sequence[SampleNote], entry: Entry) -> NDArray[np.int64] | None:
    """Find the rows in which an entry has these samples; None if it has others."""
    names = zip(entry.notes.image_id, entry.notes.variant, strict=True)
    places = {name: row for row, name in enumerate(names)}
    if len(places) != len(notes):
        return None
    found = [places.get((note.image_id, note.variant), -1) for note in notes]
    return None if -1 in found else np.array(found)


def cached_batches(
    store: Store, tasks: Sequence[Cached], batch_size: int, lost: Lost, *, pinned: bool
) -> Iterator[Batch]:
    """Read all samples of cached tasks in batches.

    Args:
        store: what they were found in; a damaged entry is removed from it.
        tasks: read in their order.
        batch_size: images in a batch, across tasks; the last one may have fewer.
        lost: learns which samples the batches lack, because they are damaged or gone.
        pinned: whether the inputs go to a GPU.
    """
    waiting: deque[Future[tuple[Batch, list[_Piece]]]] = deque()

    def arrived() -> Batch:
        batch, missing = waiting.popleft().result()
        for piece in missing:
            lost.add(piece.notes)
        return batch

    with ThreadPoolExecutor(_THREADS) as threads:
        for pieces in _groups(tasks, batch_size):
            waiting.append(threads.submit(_read, store, pieces, pinned))
            if len(waiting) > _AHEAD:
                yield arrived()
        while waiting:
            yield arrived()


def _groups(tasks: Sequence[Cached], batch_size: int) -> Iterator[list[_Piece]]:
    """Divide tasks into the pieces of which each batch consists."""
    group: list[_Piece] = []
    room = batch_size
    for cached in tasks:
        start = 0
        while start < len(cached.notes):
            stop = min(start + room, len(cached.notes))
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
        torch.empty((n_samples, *entry.notes.size, 3), dtype=torch.uint8, pin_memory=pinned)
        for entry in pieces[0].cached.entries
    ]
    notes: list[SampleNote] = []
    missing: list[_Piece] = []
    for piece in pieces:
        if _read_piece(store, piece, [tensor[len(notes) :] for tensor in inputs]):
            notes += piece.notes
        else:
            missing.append(piece)
    finished = tuple(
        (piece.cached.key, len(piece.cached.notes)) for piece in pieces if piece.is_last
    )
    read = tuple(tensor[: len(notes)] for tensor in inputs) if notes else ()
    batch = Batch(read, tuple(notes), finished)
    return batch, missing


def _read_piece(store: Store, piece: _Piece, inputs: Sequence[torch.Tensor]) -> bool:
    """Read a piece into the beginning of its tensors; False if an entry is damaged or gone."""
    cached = piece.cached
    for entry, rows, tensor in zip(cached.entries, cached.rows, inputs, strict=True):
        wanted = rows[piece.start : piece.stop]
        try:
            entry.read(wanted, tensor[: len(wanted)].numpy())
        except FileNotFoundError:
            return False  # Removed to make room, or by a thread that found it damaged.
        except DamagedEntry as damage:
            store.drop(entry.path, damage)
            return False
    return True
