"""Give the networks their inputs: from the cache, the workers and the device's own rendering."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import cast

import torch

from imagenetq.evaluate.data.base import Task
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.cache import CachedTask, CacheWriter, Lost, Store, cached_batches
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
class InputPipeline:
    """The way in which networks get their inputs."""

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

        Each preprocessing is applied to every image.
        """
        if self.cache is None:
            with self._fresh(tasks, preprocessings) as stream:
                yield stream
            return
        store = self.cache
        names = _names(store, tasks, preprocessings)
        known = [task for task in tasks if task.key in names]
        looked_up = (CachedTask.find(store, one, names[one.key], preprocessings) for one in known)
        cached = {one.key: one for one in looked_up if one is not None}

        @contextmanager
        def made(tasks: Sequence[Task]) -> Iterator[Iterator[Batch]]:
            """Make batches now, and write them into the cache."""
            sizes = {task.key: task.n_samples for task in tasks if task.n_samples is not None}
            wanted = {key: (size, names[key]) for key, size in sizes.items() if key in names}
            with (
                self._fresh(tasks, preprocessings) as fresh,
                closing(CacheWriter(store, wanted)) as writer,
            ):
                yield writer.watched(fresh) if wanted else fresh

        with made([task for task in tasks if task.key not in cached]) as rest:
            yield self._joined(store, tasks, cached, rest, made)

    def _joined(
        self,
        store: Store,
        tasks: Sequence[Task],
        cached: dict[str, CachedTask],
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
            for_device=engine is not None,
        ) as stream:
            if engine is None:
                # Without an engine no task hands on photographs to be rendered.
                yield cast("Iterator[Batch]", stream)
                return
            plain = [one for one in preprocessings if isinstance(one, Preprocessing)]
            yield Stage(engine, self.device, plain).batches(stream)

    @property
    def _pinned(self) -> bool:
        """Whether inputs should come in memory that the device can read by itself."""
        return self.device.type == "cuda"


def _names(
    store: Store, tasks: Sequence[Task], preprocessings: Sequence[AnyPreprocessing]
) -> dict[str, list[str]]:
    """Name the cached inputs of each task, one file for each preprocessing.

    Tasks of which not all that decides their inputs is known are left out.
    """
    total = sum(task.n_samples or 0 for task in tasks)
    names: dict[str, list[str]] = {}
    with (
        meter("looking into the cache", total) as progress,
        ThreadPoolExecutor(_THREADS) as threads,
    ):
        # Clean images are known by their files' bytes, and there may be a gigabyte of them.
        fingerprints = threads.map(lambda task: task.fingerprint(), tasks)
        for task, fingerprint in zip(tasks, fingerprints, strict=True):
            keys = [store.key(fingerprint, one) for one in preprocessings]
            named = [key for key in keys if key is not None]
            if len(named) == len(keys):
                names[task.key] = named
            progress.advance(task.n_samples or 0)
    return names
