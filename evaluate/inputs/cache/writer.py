"""Write inputs into the cache, in a thread, while the pass that prepares them goes on."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.cache.cached_inputs import NewInputs
from imagenetq.evaluate.inputs.cache.store import Store
from imagenetq.progress import say

_WAITING = 8
"""Number of batches that may wait to be written; then the pass waits, or memory would fill up."""


class CacheWriter:
    """A thread that writes the samples of some tasks into the store.

    If it cannot write, it says so once and lets the pass go on: a cache only saves time.
    """

    def __init__(self, store: Store, wanted: Mapping[str, tuple[int, Sequence[str]]]) -> None:
        """Start the thread.

        For each task's key, `wanted` has the number of its samples, and the names of its inputs,
        one for each preprocessing.
        """
        self._store, self._wanted = store, wanted
        self._open: dict[str, list[NewInputs]] = {}
        self._given_up = False
        self._waiting: queue.Queue[tuple[Batch, torch.cuda.Event | None] | None]
        self._waiting = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name="cache", daemon=True)
        self._thread.start()

    def watched(self, stream: Iterator[Batch]) -> Iterator[Batch]:
        """Give the same batches, and have their samples written."""
        for batch in stream:
            if batch.infos and not self._given_up:
                self._waiting.put(_on_cpu(batch))
            yield batch

    def close(self) -> None:
        """Write what waits, end the thread, and remove files that are not complete."""
        self._waiting.put(None)
        self._thread.join()
        for opened in self._open.values():
            for inputs in opened:
                self._store.abort(inputs)
        self._open.clear()

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            if self._given_up:
                continue
            try:
                self._write(*waiting)
            except OSError as error:
                self._give_up(error.strerror or str(error))
            except Exception as error:
                # Whatever it is: without this thread the pass would wait for ever.
                self._give_up(f"{type(error).__name__}: {error}")

    def _write(self, batch: Batch, arrived: torch.cuda.Event | None) -> None:
        if arrived is not None:
            arrived.synchronize()
        columns = [tensor.numpy() for tensor in batch.inputs]
        for row, info in enumerate(batch.infos):
            if info.task not in self._wanted:
                continue
            if info.task not in self._open and not self._begin(info.task, columns):
                return
            opened = self._open[info.task]
            for inputs, column in zip(opened, columns, strict=True):
                inputs.add(column[row], info)
            if opened[0].is_full:
                for inputs in self._open.pop(info.task):
                    inputs.commit()

    def _begin(self, task: str, columns: Sequence[NDArray[np.uint8]]) -> bool:
        n_samples, names = self._wanted[task]
        opened = self._open.setdefault(task, [])
        for name, column in zip(names, columns, strict=True):
            inputs = self._store.new(name, n_samples, column.shape[1:3])
            if inputs is None:
                self._give_up(f"more than its {self._store.max_bytes / 1e9:.0f} GB are in use")
                return False
            opened.append(inputs)
        return True

    def _give_up(self, reason: str) -> None:
        self._given_up = True
        say(f"warning: {self._store.folder}: not filled any further ({reason})")


def _on_cpu(batch: Batch) -> tuple[Batch, torch.cuda.Event | None]:
    """Bring a batch to the CPU, where it is complete once the event, if any, has happened."""
    if not any(tensor.is_cuda for tensor in batch.inputs):
        return batch, None
    copies = []
    for tensor in batch.inputs:
        copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        copies.append(copy.copy_(tensor, non_blocking=True))
    arrived = torch.cuda.current_stream(batch.inputs[0].device).record_event()
    return replace(batch, inputs=tuple(copies)), arrived
