"""Write inputs into the cache, in a thread, while the pass that prepares them goes on."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.evaluate.inputs.batch import Batch, SampleNote
from imagenetq.evaluate.inputs.cache.entry import NewEntry
from imagenetq.evaluate.inputs.cache.store import Store
from imagenetq.progress import say

_WAITING = 32
"""Number of batches that may wait to be written; then the pass waits, or memory would fill up."""


@dataclass(frozen=True)
class _Job:
    """A batch's inputs on their way into the cache."""

    inputs: tuple[torch.Tensor, ...]
    """One tensor for each preprocessing, complete on the CPU once `arrived` has happened."""

    notes: tuple[SampleNote, ...]
    """A note of each sample."""

    arrived: torch.cuda.Event | None
    """Event that the inputs have come from the device; None if they were never there."""


class Filler:
    """A thread that writes the samples of some tasks into the store.

    If it cannot write, it says so once and lets the pass go on: a cache only saves time.
    """

    def __init__(
        self, store: Store, wanted: Mapping[str, Sequence[str]], sizes: Mapping[str, int]
    ) -> None:
        """Start the thread.

        Args:
            store: what to write into.
            wanted: for each task's key, the names of its entries, one for each preprocessing.
            sizes: number of samples of each of these tasks, by its key.
        """
        self._store = store
        self._wanted = wanted
        self._sizes = sizes
        self._open: dict[str, list[NewEntry]] = {}
        self._given_up = False
        self._jobs: queue.Queue[_Job | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name="cache", daemon=True)
        self._thread.start()

    def watched(self, stream: Iterator[Batch]) -> Iterator[Batch]:
        """Give the same batches, and have their samples written."""
        for batch in stream:
            if batch.notes and not self._given_up:
                self._jobs.put(_job(batch))
            yield batch

    def close(self) -> None:
        """Write what waits, end the thread, and remove entries that are not complete."""
        self._jobs.put(None)
        self._thread.join()
        for entries in self._open.values():
            self._drop(entries)
        self._open.clear()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._given_up:
                continue
            try:
                self._write(job)
            except OSError as error:
                self._give_up(error.strerror or str(error))
            except Exception as error:
                # Whatever it is: without this thread the pass would wait for ever.
                self._give_up(f"{type(error).__name__}: {error}")

    def _write(self, job: _Job) -> None:
        if job.arrived is not None:
            job.arrived.synchronize()
        columns = [tensor.numpy() for tensor in job.inputs]
        for row, note in enumerate(job.notes):
            names = self._wanted.get(note.task)
            if names is None:
                continue
            if note.task not in self._open and not self._begin(note.task, names, columns):
                return
            entries = self._open[note.task]
            for entry, column in zip(entries, columns, strict=True):
                entry.add(column[row], note)
            if entries[0].is_full:
                for entry in self._open.pop(note.task):
                    entry.commit()

    def _begin(self, task: str, names: Sequence[str], columns: Sequence[NDArray[np.uint8]]) -> bool:
        opened = self._open.setdefault(task, [])
        for name, column in zip(names, columns, strict=True):
            entry = self._store.new(name, self._sizes[task], column.shape[1:3])
            if entry is None:
                self._give_up(f"more than its {self._store.max_bytes / 1e9:.0f} GB are in use")
                return False
            opened.append(entry)
        return True

    def _give_up(self, reason: str) -> None:
        self._given_up = True
        say(f"warning: {self._store.folder}: not filled any further ({reason})")

    def _drop(self, entries: Sequence[NewEntry]) -> None:
        for entry in entries:
            self._store.abort(entry)


def _job(batch: Batch) -> _Job:
    if not any(tensor.is_cuda for tensor in batch.inputs):
        return _Job(batch.inputs, batch.notes, None)
    copies = []
    for tensor in batch.inputs:
        copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        copies.append(copy.copy_(tensor, non_blocking=True))
    arrived = torch.cuda.current_stream(batch.inputs[0].device).record_event()
    return _Job(tuple(copies), batch.notes, arrived)
