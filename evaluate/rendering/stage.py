"""Between the workers and the networks: images come in, their variants on the device go out."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

import torch

from imagenetq.evaluate.batch import Batch, SampleNote, Unrendered
from imagenetq.evaluate.moving import Copier
from imagenetq.evaluate.preprocessing import Preprocessing
from imagenetq.evaluate.rendering.engine import Engine
from imagenetq.evaluate.rendering.ladder import inputs
from imagenetq.evaluate.rendering.original import Original
from imagenetq.specification import CLEAN, Variant, select_variants


class Stage:
    """Renders images as they come, on a device that must be current."""

    def __init__(
        self,
        engine: Engine,
        device: torch.device,
        preprocessings: Sequence[Preprocessing],
    ) -> None:
        self._engine = engine
        self._copier = Copier(device)
        self._preprocessings = preprocessings

    def batches(self, stream: Iterator[Batch | Unrendered]) -> Iterator[Batch]:
        """The stream's own batches, and others with the variants of the images between them.

        The latter are as small as they come, and their inputs on the device, queued, not finished.
        """
        for item in stream:
            if isinstance(item, Batch):
                yield item
            else:
                yield from self._rendered(item)

    def _rendered(self, item: Unrendered) -> Iterator[Batch]:
        ladder = _ladder(item.variants)
        for pixels, clean in item.images(self._copier.to_device(item.pixels)):
            original = Original(pixels, clean.image_id)
            with torch.inference_mode():
                parts = list(inputs(original, ladder, self._preprocessings, self._engine))
            notes = iter(_notes(clean, item.variants))
            for tensors in parts:
                yield Batch(tensors, tuple(islice(notes, len(tensors[0]))), ())


def _notes(clean: SampleNote, variants: Sequence[str]) -> tuple[SampleNote, ...]:
    """One for each variant; only the clean image's pixel hash is known."""
    return tuple(
        clean if name == CLEAN else clean._replace(variant=name, pixel_sha256=None)
        for name in variants
    )


@lru_cache
def _ladder(names: tuple[str, ...]) -> tuple[Variant, ...]:
    return select_variants(names)
