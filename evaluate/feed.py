"""Feed the device: worker processes read, decode and preprocess; batches come out.

Several models share one pass: every picture is read and decoded once, and preprocessed once for
each preprocessing that differs.
"""

import multiprocessing
import pickle
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from multiprocessing.sharedctypes import Synchronized
from types import TracebackType
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from imagenetq.errors import ImagenetqError
from imagenetq.evaluate.batch import Batch, SampleNote, Unrendered, concatenated, note_of
from imagenetq.evaluate.data.base import Task, Undistorted
from imagenetq.evaluate.preprocessing import AnyPreprocessing

_PREFETCHED = 8
"""What a worker makes before it is asked for: batches, and images for the device."""

_TOGETHER = 2 * 2**20
"""Bytes of images for the device that come at a time, some four photographs: each arrival costs the
process that starts all of the device's work."""

_DEATH = re.compile(r"DataLoader worker \(pid|Pin memory thread")
"""In what the loader says when a worker was killed, not when its preprocessing failed."""

_PRELOADED = ["imagenetq.evaluate.feed", "imagenetq.evaluate.data", "imagenetq.rendering"]


class _Reader(IterableDataset[Batch | Unrendered]):
    """What a worker runs: whenever it is through with a task, the next that nobody has taken.

    Args:
        tasks: in the order in which they are taken.
        preprocessings: each is applied to every picture.
        batch_size: pictures a batch.
        n_taken: how many tasks have been taken, counted by all workers; None without any.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        preprocessings: Sequence[AnyPreprocessing],
        batch_size: int,
        n_taken: "Synchronized[int] | None",
    ) -> None:
        # Shared memory, not part of what starts a worker: more than a pipe holds would make each
        # worker's start wait for the one before it.
        self.pickled = torch.frombuffer(bytearray(pickle.dumps(tasks)), dtype=torch.uint8)
        self.preprocessings = preprocessings
        self.batch_size = batch_size
        self.n_taken = n_taken

    def __iter__(self) -> Iterator[Batch | Unrendered]:
        try:
            yield from self._batches()
        except (ImagenetqError, OSError) as error:
            # Raised here it would reach the parent wrapped in a traceback.
            yield Batch((), (), (), error)

    def _tasks(self) -> Iterator[Task]:
        tasks: Sequence[Task] = pickle.loads(self.pickled.numpy().data)  # noqa: S301  Our own.
        if self.n_taken is None:
            yield from tasks
            return
        while True:
            with self.n_taken:
                place = self.n_taken.value
                self.n_taken.value += 1
            if place >= len(tasks):
                return
            yield tasks[place]

    def _batches(self) -> Iterator[Batch | Unrendered]:
        inputs: list[list[torch.Tensor]] = [[] for _ in self.preprocessings]
        notes: list[SampleNote] = []
        finished: list[tuple[str, int]] = []
        for task in self._tasks():
            n_samples = 0
            unrendered: list[Undistorted] = []
            for sample in task.items():
                if isinstance(sample, Undistorted):
                    if unrendered and unrendered[0].variants != sample.variants:
                        yield Unrendered.of(task.key, unrendered)
                        unrendered = []
                    unrendered.append(sample)
                    n_samples += len(sample.variants)
                    if sum(image.pixels.nbytes for image in unrendered) >= _TOGETHER:
                        yield Unrendered.of(task.key, unrendered)
                        unrendered = []
                    continue
                for column, preprocessing in zip(inputs, self.preprocessings, strict=True):
                    column.append(torch.from_numpy(preprocessing.pixels(sample.pixels))[None])
                notes.append(note_of(task.key, sample, sample.variant))
                n_samples += 1
                if len(notes) == self.batch_size:
                    yield _collate(inputs, notes, finished)
                    inputs, notes, finished = [[] for _ in self.preprocessings], [], []
            if unrendered:
                yield Unrendered.of(task.key, unrendered)
            finished.append((task.key, n_samples))
            if not notes:  # Nothing waits that could bring the news.
                yield _collate(inputs, notes, finished)
                finished = []
        if notes:
            yield _collate(inputs, notes, finished)


def _collate(
    inputs: list[list[torch.Tensor]],
    notes: list[SampleNote],
    finished: list[tuple[str, int]],
) -> Batch:
    joined = tuple(concatenated(column) for column in inputs) if notes else ()
    return Batch(joined, tuple(notes), tuple(finished))


def _ignore_lost_connections(_: int) -> None:
    """Let a worker say nothing when its parent, interrupted, takes a batch only by half."""

    def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if not isinstance(error, EOFError | ConnectionError):
            sys.__excepthook__(kind, error, where)

    sys.excepthook = hook


def _pass(batch: Any) -> Any:
    return batch


@contextmanager
def batches(
    tasks: Sequence[Task],
    preprocessings: Sequence[AnyPreprocessing],
    *,
    batch_size: int,
    workers: int,
    pinned: bool,
) -> Iterator[Iterator[Batch | Unrendered]]:
    """Iterate over the tasks' samples in batches, and over images that the device renders.

    Batches come as they are ready. A task's samples are in order.

    Args:
        tasks: what to read; each goes to one worker, those with the most work first.
        preprocessings: each is applied to every picture.
        batch_size: pictures a batch; the last batch of each worker may have fewer.
        workers: processes; 0 reads in this one.
        pinned: bring what comes into pinned memory, in a thread of its own.

    Raises:
        ImagenetqError: what a worker raised, or that a worker was killed.
    """
    workers = min(workers, len(tasks))
    context = _context() if workers else None
    # What takes long must not begin last, when the other workers have nothing left to do.
    ordered = sorted(tasks, key=lambda task: task.work, reverse=True)
    loader: DataLoader[Batch | Unrendered] = DataLoader(
        _Reader(ordered, preprocessings, batch_size, context.Value("q", 0) if context else None),
        batch_size=None,
        collate_fn=_pass,
        num_workers=workers,
        prefetch_factor=_PREFETCHED if workers else None,
        multiprocessing_context=context,
        worker_init_fn=_ignore_lost_connections,
        pin_memory=pinned,
        # In order, all workers would deliver at the pace of the one with the slowest images.
        in_order=False,
    )
    yield _checked(iter(loader))


def _context() -> BaseContext:
    """How workers start: forked from a server which imports once, for all workers of all passes.

    Forked from this process, they would inherit the network, and locks of threads' that they do not
    have. Where there is no forking, each one imports by itself.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _checked(loaded: Iterator[Batch | Unrendered]) -> Iterator[Batch | Unrendered]:
    while True:
        try:
            batch = next(loaded)
        except StopIteration:
            return
        except (RuntimeError, ConnectionError, EOFError) as error:
            # A worker that dies while it hands over a batch is met as a connection that ends, and
            # ends the thread that was receiving, where there is one.
            if isinstance(error, RuntimeError) and not _DEATH.search(str(error)):
                raise
            raise ImagenetqError(
                "a worker process was killed (out of memory, or no room in /dev/shm?); the same "
                "command goes on where it stopped, perhaps with fewer --workers"
            ) from None
        if isinstance(batch, Batch) and batch.failure is not None:
            raise batch.failure
        yield batch
