"""Feed the networks from the cache, the workers and the device's own rendering."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import cast

import torch

from imagenetq.evaluate.data.base import Task
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.cache import Cached, Filler, Lost, Store, cached_batches, find_cached
from imagenetq.evaluate.inputs.device_rendering import Stage
from imagenetq.evaluate.inputs.loader import batches
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing
from imagenetq.progress import meter
from imagenetq.specification import CLEAN, select_variants
from imagenetq.torch.engine import Engine

_THREADS = 8

_PIECES = 8
"""Pieces that workers make of a batch, so that the first comes soon and no worker ends late."""


@dataclass(frozen=True)
class Feeding:
    """The way in which networks are fed."""

    device: torch.device
    """Where the networks run."""

    batch_size: int
    """Number of images that the networks see at a time."""

    workers: int
    """Number of processes that read, decode and preprocess; 0 does so in this process."""

    engine: Engine | None = None
    """What renders on the device; None leaves all to the workers."""

    cache: Store | None = None
    """Cache of prepared inputs; None keeps no inputs."""

    @contextmanager
    def batches(
        self, tasks: Sequence[Task], preprocessings: Sequence[AnyPreprocessing]
    ) -> Iterator[Iterator[Batch]]:
        """Iterate over the tasks' samples in batches of any size, as they come.

        Args:
            tasks: what to read.
            preprocessings: each is applied to every image.

        Raises:
            ImagenetqError: a worker raised it, or was killed.
        """
        names: dict[str, list[str | None]] = {}
        if self.cache is not None:
            names = _names(self.cache, tasks, preprocessings)

        def made(tasks: Sequence[Task]) -> AbstractContextManager[Iterator[Batch]]:
            return self._made(tasks, preprocessings, names)

        cached = self._cached(tasks, preprocessings, names)
        with made([task for task in tasks if task.key not in cached]) as rest:
            if self.cache is None:
                yield rest
            else:
                yield self._joined(self.cache, tasks, cached, rest, made)

    def _joined(
        self,
        store: Store,
        tasks: Sequence[Task],
        cached: dict[str, Cached],
        rest: Iterator[Batch],
        made: Callable[[Sequence[Task]], AbstractContextManager[Iterator[Batch]]],
    ) -> Iterator[Batch]:
        """Give what the cache has, what it has not, and what it turns out to have lost."""
        lost = Lost()
        # Meanwhile the workers are at work on the rest.
        yield from cached_batches(
            store, list(cached.values()), self.batch_size, lost, pinned=self._pinned
        )
        yield from rest
        again = [task for task in tasks if task.key in lost]
        if again:
            with made(again) as stream:
                yield from lost.only(stream)

    @contextmanager
    def _made(
        self,
        tasks: Sequence[Task],
        preprocessings: Sequence[AnyPreprocessing],
        names: dict[str, list[str | None]],
    ) -> Iterator[Iterator[Batch]]:
        """Make batches now, and keep them in the cache."""
        filler = self._filler(tasks, names)
        with (
            self._fresh(tasks, preprocessings) as fresh,
            closing(filler) if filler is not None else nullcontext(),
        ):
            yield fresh if filler is None else filler.watched(fresh)

    @contextmanager
    def _fresh(
        self, tasks: Sequence[Task], preprocessings: Sequence[AnyPreprocessing]
    ) -> Iterator[Iterator[Batch]]:
        """Make batches by workers, and by the device of what they hand on to it."""
        engine = self.engine
        if engine is not None:
            rendered = select_variants([CLEAN, *engine.rendered])
            limits = {variant.name: engine.most_pixels(variant) for variant in rendered}
            tasks = [task.rendered_on_device(limits) for task in tasks]
        with batches(
            tasks,
            preprocessings,
            batch_size=max(1, self.batch_size // _PIECES),
            workers=self.workers,
            pinned=self._pinned,
        ) as stream:
            if engine is None:
                # Without an engine no task hands on photographs to be rendered.
                yield cast("Iterator[Batch]", stream)
                return
            plain = [one for one in preprocessings if isinstance(one, Preprocessing)]
            yield Stage(engine, self.device, plain).batches(stream)

    def _cached(
        self,
        tasks: Sequence[Task],
        preprocessings: Sequence[AnyPreprocessing],
        names: dict[str, list[str | None]],
    ) -> dict[str, Cached]:
        """Find the tasks of which the cache has everything, by their keys."""
        if self.cache is None:
            return {}
        store = self.cache
        found = [find_cached(store, task, names[task.key], preprocessings) for task in tasks]
        return {cached.key: cached for cached in found if cached is not None}

    def _filler(self, tasks: Sequence[Task], names: dict[str, list[str | None]]) -> Filler | None:
        """Make the filler that caches the other tasks' inputs; None if there are none."""
        wanted = {
            task.key: [name for name in names[task.key] if name is not None]
            for task in tasks
            if task.n_samples is not None and task.key in names and None not in names[task.key]
        }
        if self.cache is None or not wanted:
            return None
        sizes = {task.key: task.n_samples for task in tasks if task.n_samples is not None}
        return Filler(self.cache, wanted, sizes)

    @property
    def _pinned(self) -> bool:
        """Whether inputs should come in memory that the device can read by itself."""
        return self.device.type == "cuda"

    def on_workers(self) -> "Feeding":
        """Give the same feeding, but with all images from the workers."""
        return replace(self, engine=None)


def _names(
    store: Store, tasks: Sequence[Task], preprocessings: Sequence[AnyPreprocessing]
) -> dict[str, list[str | None]]:
    """Name the entries of each task, by its key: one for each preprocessing, or None."""
    total = sum(task.n_samples or 0 for task in tasks)
    names: dict[str, list[str | None]] = {}
    with (
        meter("looking into the cache", total) as progress,
        ThreadPoolExecutor(_THREADS) as threads,
    ):
        # Clean images are known by their files' bytes, and there may be a gigabyte of them.
        fingerprints = threads.map(lambda task: task.fingerprint(), tasks)
        for task, fingerprint in zip(tasks, fingerprints, strict=True):
            names[task.key] = [store.key(fingerprint, one) for one in preprocessings]
            progress.advance(task.n_samples or 0)
    return names
