"""Batches out of the cache: threads copy rows into pinned memory, in whole batches."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.evaluate.batch import Batch, SampleNote
from imagenetq.evaluate.cache.store import Entry, Store
from imagenetq.evaluate.data.base import Task
from imagenetq.evaluate.preprocessing import AnyPreprocessing

_THREADS = 4
_AHEAD = 8
"""Batches that are read before they are asked for."""


@dataclass(frozen=True)
class Cached:
    """A task whose inputs the cache has for every preprocessing.

    Attributes:
        key: of the task.
        entries: one for each preprocessing.
        notes: of its samples, in the order of the first entry.
        rows: for each entry, the rows of these samples.
    """

    key: str
    entries: tuple[Entry, ...]
    notes: tuple[SampleNote, ...]
    rows: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True)
class _Piece:
    """Some of a cached task's samples."""

    cached: Cached
    start: int
    stop: int

    @property
    def is_last(self) -> bool:
        return self.stop == len(self.cached.notes)


def find_cached(
    store: Store,
    task: Task,
    names: Sequence[str | None],
    preprocessings: Sequence[AnyPreprocessing],
) -> Cached | None:
    """The cached inputs of a task; None unless there are some for every preprocessing.

    Args:
        store: where to look.
        task: whose samples.
        names: of its entries, as `Store.key` gives them, for each preprocessing.
        preprocessings: what made them, for their size.
    """
    entries = []
    for name, preprocessing in zip(names, preprocessings, strict=True):
        entry = None if name is None else store.find(name)
        if entry is None or entry.crops.shape[1:3] != preprocessing.input_size:
            return None
        if task.n_samples not in (None, len(entry.crops)):
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
    """Where an entry has these samples; None if it has others."""
    names = zip(entry.notes.image_id, entry.notes.variant, strict=True)
    places = {name: row for row, name in enumerate(names)}
    if len(places) != len(notes):
        return None
    found = [places.get((note.image_id, note.variant), -1) for note in notes]
    return None if -1 in found else np.array(found)


def cached_batches(tasks: Sequence[Cached], batch_size: int, *, pinned: bool) -> Iterator[Batch]:
    """All samples of cached tasks in batches.

    Args:
        tasks: in their order.
        batch_size: pictures a batch, across tasks; the last one may have fewer.
        pinned: whether the inputs go to a GPU.

    Raises:
        FolderError: an entry is damaged.
    """
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(_THREADS) as threads:
        for pieces in _groups(tasks, batch_size):
            waiting.append(threads.submit(_read, pieces, pinned))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _groups(tasks: Sequence[Cached], batch_size: int) -> Iterator[list[_Piece]]:
    """The pieces of which each batch consists."""
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


def _read(pieces: Sequence[_Piece], pinned: bool) -> Batch:
    n_samples = sum(piece.stop - piece.start for piece in pieces)
    inputs = []
    for place, first in enumerate(pieces[0].cached.entries):
        shape = (n_samples, *first.crops.shape[1:])
        tensor = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        samples = tensor.numpy()
        filled = 0
        for piece in pieces:
            entry = piece.cached.entries[place]
            rows = piece.cached.rows[place][piece.start : piece.stop]
            for row in rows:
                entry.check(int(row))
            np.take(entry.crops, rows, 0, out=samples[filled : filled + len(rows)], mode="clip")
            filled += len(rows)
        inputs.append(tensor)
    notes = tuple(note for piece in pieces for note in piece.cached.notes[piece.start : piece.stop])
    finished = tuple(
        (piece.cached.key, len(piece.cached.notes)) for piece in pieces if piece.is_last
    )
    return Batch(tuple(inputs), notes, finished)
