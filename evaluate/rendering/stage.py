"""Between the workers and the networks: images come in, batches of inputs on the device go out."""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch

from imagenetq.evaluate.feed import Batch, SampleNote, Unrendered
from imagenetq.evaluate.moving import Copier
from imagenetq.evaluate.preprocessing import Preprocessing
from imagenetq.evaluate.rendering.engine import Engine
from imagenetq.evaluate.rendering.ladder import inputs
from imagenetq.evaluate.rendering.original import Original
from imagenetq.specification import Variant, select_variants


class Stage:
    """Renders images as they come, on a device that must be current, in whole batches."""

    def __init__(
        self,
        engine: Engine,
        device: torch.device,
        preprocessings: Sequence[Preprocessing],
        batch_size: int,
    ) -> None:
        self._engine = engine
        self._copier = Copier(device)
        self._preprocessings = preprocessings
        self._batch_size = batch_size
        self._notes: deque[SampleNote] = deque()
        self._inputs: list[list[torch.Tensor]] = [[] for _ in preprocessings]

    def batches(self, stream: Iterator[Batch | Unrendered]) -> Iterator[Batch]:
        """The stream's own batches, and others with the variants of the images between them.

        The inputs of the latter are on the device, queued, not finished.
        """
        for item in stream:
            if isinstance(item, Batch):
                yield item
                continue
            with torch.inference_mode():
                self._render(item)
            while len(self._notes) >= self._batch_size:
                yield self._batch(self._batch_size)
        if self._notes:
            yield self._batch(len(self._notes))

    def _render(self, image: Unrendered) -> None:
        original = Original(self._copier.to_device(image.pixels), image.note.image_id)
        ladder = _ladder(image.variants)
        for tensors in inputs(original, ladder, self._preprocessings, self._engine):
            for column, tensor in zip(self._inputs, tensors, strict=True):
                column.append(tensor)
        self._notes.extend(image.notes())

    def _batch(self, size: int) -> Batch:
        """The oldest inputs that were rendered."""
        taken = []
        with torch.inference_mode():
            for place, column in enumerate(self._inputs):
                joined = torch.cat(column)
                taken.append(joined[:size])
                self._inputs[place] = [joined[size:]]
        notes = tuple(self._notes.popleft() for _ in range(size))
        return Batch(tuple(taken), notes, ())


@lru_cache
def _ladder(names: tuple[str, ...]) -> tuple[Variant, ...]:
    return select_variants(names)
