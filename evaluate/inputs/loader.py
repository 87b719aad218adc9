"""Read, decode and preprocess in worker processes, and give batches.

Several models share one pass: every image is read and decoded once, and preprocessed once for each
preprocessing that differs.
"""

import multiprocessing
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from imagenetq.errors import ImagenetqError
from imagenetq.evaluate.data.base import CleanImage, SampleInfo, Task
from imagenetq.evaluate.inputs.batch import ALIGNED, Batch, CleanImages, concatenated, sent
from imagenetq.evaluate.inputs.slots import SLOT_BYTES, Slots, slots_for
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing
from imagenetq.progress import say
from imagenetq.workers import (
    end_with_parent,
    how_they_ended,
    packed,
    portable,
    started_clean,
    unpacked,
)

_PREFETCHED, _PREFETCHED_FOR_DEVICE = 8, 2
"""Number of batches that a worker makes before they are asked for, and of photographs' pieces if
the device renders."""

_DEATH = re.compile(r"DataLoader worker \(pid|Pin memory thread")
"""Matches what the loader says if a worker was killed, but not if its preprocessing failed."""

_DATA, _PREPROCESSING = "the data", "the preprocessing"

_PRELOADED = ["imagenetq.evaluate.inputs.loader", "imagenetq.evaluate.data", "imagenetq.rendering"]


_Work: TypeAlias = tuple[Sequence[Task], Sequence[AnyPreprocessing]]
"""The tasks to read, in the order in which they are taken, and the preprocessings to apply to each
image."""


class _PackedWork:
    """The work on its way to workers.

    It lies in shared memory, and is not part of what starts a worker: more than a pipe holds would
    make each worker's start wait for the one before it.
    """

    def __init__(self, work: _Work) -> None:
        tasks, preprocessings = work
        self._tasks = _shareable(packed(tasks, _DATA))
        self._preprocessings = _shareable(packed(preprocessings, _PREPROCESSING))

    def __getstate__(self) -> dict[str, Any]:
        return {name: sent(tensor) for name, tensor in vars(self).items()}

    def __call__(self) -> _Work:
        """Unpack the work, in a worker; it raises ImagenetqError if that cannot load it."""
        return (
            unpacked(np.asarray(self._tasks).data, _DATA),
            unpacked(np.asarray(self._preprocessings).data, _PREPROCESSING),
        )


def _shareable(data: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


class _Reader(IterableDataset[Batch | CleanImages]):
    """The batches that a worker makes, of one task after the other that no worker has taken.

    All workers count in `n_taken` how many have been taken; it is None without workers.
    """

    def __init__(
        self,
        work: Callable[[], _Work],
        batch_size: int,
        n_taken: "Synchronized[int] | None",
        slots: Slots | None = None,
    ) -> None:
        self.work, self.batch_size, self.n_taken, self.slots = work, batch_size, n_taken, slots

    def __iter__(self) -> Iterator[Batch | CleanImages]:
        try:
            yield from self._batches()
        except Exception as error:
            if self.n_taken is None:
                raise
            # If raised in a worker, it would reach the parent as the text of a traceback.
            yield Batch((), (), (), portable(error))

    def _taken(self, tasks: Sequence[Task]) -> Iterator[Task]:
        if self.n_taken is None:
            yield from tasks
            return
        while True:
            with self.n_taken:
                index = self.n_taken.value
                self.n_taken.value += 1
            if index >= len(tasks):
                return
            yield tasks[index]

    def _batches(self) -> Iterator[Batch | CleanImages]:
        tasks, preprocessings = self.work()
        inputs: list[list[torch.Tensor]] = [[] for _ in preprocessings]
        infos: list[SampleInfo] = []
        finished: list[tuple[str, int]] = []
        for task in self._taken(tasks):
            n_samples = 0
            clean: list[CleanImage] = []
            for item in task.items():
                if isinstance(item, CleanImage):
                    n_bytes = sum(image.pixels.nbytes + ALIGNED for image in [*clean, item])
                    if clean and (clean[0].variants != item.variants or n_bytes > SLOT_BYTES):
                        yield CleanImages.of(clean, self.slots)
                        clean = []
                    clean.append(item)
                    n_samples += len(item.variants)
                    continue
                for column, preprocessing in zip(inputs, preprocessings, strict=True):
                    column.append(torch.from_numpy(preprocessing.pixels(item.pixels))[None])
                infos.append(item.info)
                n_samples += 1
                if len(infos) == self.batch_size:
                    yield _collate(inputs, infos, finished)
                    inputs, infos, finished = [[] for _ in preprocessings], [], []
            if clean:
                yield CleanImages.of(clean, self.slots)
            finished.append((task.key, n_samples))
            if not infos:  # No batch waits that could tell of the finished task.
                yield _collate(inputs, infos, finished)
                finished = []
        if infos:
            yield _collate(inputs, infos, finished)


def _collate(
    inputs: list[list[torch.Tensor]], infos: list[SampleInfo], finished: list[tuple[str, int]]
) -> Batch:
    joined = tuple(concatenated(column) for column in inputs) if infos else ()
    return Batch(joined, tuple(infos), tuple(finished))


def _start_worker(_: int) -> None:
    """End a worker with its parent, and keep it silent if that happens while it hands over."""
    end_with_parent()

    def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if not isinstance(error, EOFError | ConnectionError):
            sys.__excepthook__(kind, error, where)

    sys.excepthook = hook


@contextmanager
def batches(
    tasks: Sequence[Task],
    preprocessings: Sequence[AnyPreprocessing],
    *,
    batch_size: int,
    workers: int,
    pinned: bool,
    for_device: bool = False,
) -> Iterator[Iterator[Batch | CleanImages]]:
    """Iterate over the tasks' samples in batches, and over photographs for the device to render.

    Batches come as they are ready; the last of each worker may be smaller. Each task goes to one
    worker, and its samples are in order. Without workers this process reads. If pinned, what comes
    is brought into pinned memory, in a thread of its own. Workers make few pieces ahead if they are
    photographs `for_device`.
    """
    workers = min(workers, len(tasks))
    # What takes long must not begin last, when the other workers have nothing left to do.
    work = sorted(tasks, key=lambda task: task.work, reverse=True), preprocessings
    if not workers:
        reader = _Reader(lambda: work, batch_size, None)
        yield iter(DataLoader(reader, batch_size=None, pin_memory=pinned))
        return
    packed_work = _PackedWork(work)
    with ExitStack() as stack:
        with started_clean() as processes:
            context = _context()
            slots = slots_for(workers, context) if for_device else None
            if slots is not None and pinned:
                stack.enter_context(slots.pinned())
            loader = DataLoader(
                _Reader(packed_work, batch_size, context.Value("q", 0), slots),
                batch_size=None,
                num_workers=workers,
                prefetch_factor=_PREFETCHED_FOR_DEVICE if for_device else _PREFETCHED,
                multiprocessing_context=context,
                worker_init_fn=_start_worker,
                pin_memory=pinned,
                # In order, all workers would deliver at the pace of the one with the slowest
                # images.
                in_order=False,
            )
            loaded = iter(loader)
        yield _checked(loaded, processes, slots)


def _context() -> BaseContext:
    """Choose how workers start: forked from a server that imports once, for all passes.

    If forked from this process, they would inherit the network, and locks of threads that they do
    not have. Where there is no forking, each worker imports by itself.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _checked(
    loaded: Iterator[Batch | CleanImages], processes: Sequence[BaseProcess], slots: Slots | None
) -> Iterator[Batch | CleanImages]:
    by_pipe = False
    while True:
        try:
            batch = next(loaded)
        except StopIteration:
            return
        except (RuntimeError, ConnectionError, EOFError) as error:
            # If a worker dies while it hands over a batch, the connection ends, and so does the
            # thread that was receiving, if there is one.
            if isinstance(error, RuntimeError) and not _DEATH.search(str(error)):
                raise
            raise ImagenetqError(
                f"a worker process {how_they_ended(processes)}; the same command goes on where it "
                "stopped, perhaps with fewer --workers"
            ) from None
        if isinstance(batch, Batch) and batch.failure is not None:
            raise batch.failure
        if batch.by_pipe and not by_pipe:
            by_pipe = True
            say(
                "/dev/shm is full, and inputs take a slower way; give it more room "  # noqa: S108
                "(docker run --shm-size=2g), or use fewer --workers"
            )
        yield batch if isinstance(batch, Batch) or slots is None else batch.found_in(slots)
