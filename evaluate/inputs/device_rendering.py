"""Render variants of photographs on the device, between the workers and the networks."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

import torch

from imagenetq.evaluate.data.base import SampleInfo
from imagenetq.evaluate.inputs.batch import Batch, CleanImages
from imagenetq.evaluate.inputs.cropping import crop_of
from imagenetq.evaluate.inputs.grouping import Groups
from imagenetq.evaluate.inputs.resize import quickest_crop
from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.specification import Variant, select_variants
from imagenetq.torch.engine import JPEG2000, Engine
from imagenetq.torch.original import Original
from imagenetq.torch.transfer import Copier

_ladder = lru_cache(select_variants)


class Stage:
    """A renderer of photographs as they come, on a device that must be current."""

    def __init__(
        self, engine: Engine, device: torch.device, preprocessings: Sequence[Preprocessing]
    ) -> None:
        self._engine = engine
        self._copier = Copier(device)
        self._preprocessings = preprocessings
        self._cropped = quickest_crop(device)
        self._groups: Groups | None = None
        if engine.jpeg2000 is not None:
            self._groups = Groups(engine.jpeg2000, self._cropped, device, preprocessings)

    def batches(self, stream: Iterator[Batch | CleanImages]) -> Iterator[Batch]:
        """Give the stream's own batches, and others with variants of the photographs in it.

        The latter are as small as they come. Their inputs are queued on the device, but perhaps not
        finished.

        Raises:
            EvaluationError: JPEG 2000 of a group could not be rendered; nothing of it was given.
        """
        for item in stream:
            if isinstance(item, Batch):
                yield item
            else:
                yield from self._rendered(item)
            if self._groups is not None:
                yield from self._groups.ready()
        if self._groups is not None:
            yield from self._groups.rest()

    def _rendered(self, item: CleanImages) -> Iterator[Batch]:
        ladder = _ladder(item.variants)
        in_groups: tuple[Variant, ...] = ()
        if self._groups is not None:
            in_groups = tuple(variant for variant in ladder if variant.distortion == JPEG2000)
            ladder = tuple(variant for variant in ladder if variant.distortion != JPEG2000)
        for pixels, clean in item.images(self._copier.to_device(item.pixels)):
            if self._groups is not None and in_groups:
                self._groups.add(pixels, in_groups, _infos(clean, in_groups))
            original = Original(pixels, clean.image_id)
            with torch.inference_mode():
                parts = list(self._inputs(original, ladder))
            infos = iter(_infos(clean, ladder))
            for tensors in parts:
                yield Batch(tensors, tuple(islice(infos, len(tensors[0]))), ())

    def _inputs(
        self, original: Original, variants: Sequence[Variant]
    ) -> Iterator[tuple[torch.Tensor, ...]]:
        """Render, resize and crop variants of one photograph.

        Yields:
            For each preprocessing the uint8 inputs, shape (n, height, width, 3), of the next n
            variants; of all at once unless the photograph is large.
        """
        crops = [crop_of(one, original.width, original.height) for one in self._preprocessings]
        at_once = max(1, self._engine.samples_at_once // original.pixels.numel())
        for start in range(0, len(variants), at_once):
            pictures = self._engine.render(original, variants[start : start + at_once])
            yield tuple(self._cropped(pictures, crop) for crop in crops)


def _infos(clean: SampleInfo, variants: Sequence[Variant]) -> tuple[SampleInfo, ...]:
    return tuple(clean.of_variant(variant.name) for variant in variants)
