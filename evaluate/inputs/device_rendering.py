"""Render variants of photographs on the device, between the workers and the networks."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

import torch

from imagenetq.evaluate.data.base import SampleInfo
from imagenetq.evaluate.inputs.batch import Batch, CleanImages
from imagenetq.evaluate.inputs.grouping import MOST_IMAGES, Groups, no_memory
from imagenetq.evaluate.inputs.resize import crops_of, quickest_crop
from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.specification import Variant, select_variants
from imagenetq.torch.engine import JPEG2000, Engine
from imagenetq.torch.transfer import Copier

_ladder = lru_cache(select_variants)


_Photograph: TypeAlias = tuple[torch.Tensor, SampleInfo]
"""A photograph on the device, uint8 of shape (height, width, 3), and its clean variant's info."""


class Stage:
    """A renderer of photographs as they come, on a device that must be current.

    Many photographs are rendered together: what starting the kernels takes is theirs to share.
    """

    def __init__(
        self, engine: Engine, device: torch.device, preprocessings: Sequence[Preprocessing]
    ) -> None:
        self._engine, self._device, self._preprocessings = engine, device, preprocessings
        self._samples_at_once = engine.samples_at_once
        sizes = [one.input_size for one in preprocessings if one.input_size is not None]
        self._input_samples = sum(3 * height * width for height, width in sizes)
        self._copier = Copier(device)
        self._cropped = quickest_crop(device)
        self._waiting: list[_Photograph] = []
        self._ladder: tuple[Variant, ...] = ()
        self._groups: Groups | None = None
        if engine.jpeg2000 is not None:
            self._groups = Groups(engine.jpeg2000, self._cropped, device, preprocessings)

    def batches(self, stream: Iterator[Batch | CleanImages]) -> Iterator[Batch]:
        """Give the stream's own batches, and others with variants of the photographs in it.

        The latter are as small or large as they come. Their inputs are queued on the device, but
        perhaps not finished.
        """
        for item in stream:
            if isinstance(item, Batch):
                yield item
            else:
                yield from self._added(item)
            if self._groups is not None:
                yield from self._groups.ready()
        yield from self._waiting_rendered()
        if self._groups is not None:
            yield from self._groups.rest()

    def _added(self, item: CleanImages) -> Iterator[Batch]:
        """Let photographs wait, and give the inputs of those that leave them no place."""
        ladder = _ladder(item.variants)
        in_groups: tuple[Variant, ...] = ()
        if self._groups is not None:
            in_groups = tuple(variant for variant in ladder if variant.distortion == JPEG2000)
            ladder = tuple(variant for variant in ladder if variant.distortion != JPEG2000)
        if ladder != self._ladder:
            yield from self._waiting_rendered()
            self._ladder = ladder
        copy = self._copier.to_device(item.pixels)
        if item.release is not None and copy is item.pixels:
            copy = copy.clone()
        for pixels, clean in item.images(copy):
            if self._groups is not None and in_groups:
                self._groups.add(pixels, in_groups, _infos([clean], in_groups))
            if ladder:
                n_samples = self._n_samples([*self._waiting, (pixels, clean)])
                is_full = n_samples * len(ladder) > self._samples_at_once
                if is_full or len(self._waiting) == MOST_IMAGES:
                    yield from self._waiting_rendered()
                self._waiting.append((pixels, clean))
        if item.release is not None:
            # By now the copy is long through.
            self._copier.wait()
            item.release()

    def _waiting_rendered(self) -> Iterator[Batch]:
        photographs, self._waiting = self._waiting, []
        if not photographs:
            return
        at_once = max(1, self._samples_at_once // self._n_samples(photographs))
        for start in range(0, len(self._ladder), at_once):
            yield from self._rendered(photographs, self._ladder[start : start + at_once])

    def _rendered(
        self, photographs: Sequence[_Photograph], ladder: Sequence[Variant]
    ) -> Iterator[Batch]:
        """Render, resize and crop variants of photographs; less at once where memory is short."""
        infos = [info for _, info in photographs]
        try:
            inputs = self._inputs(photographs, ladder)
        except torch.OutOfMemoryError:
            if len(photographs) == len(ladder) == 1:
                raise no_memory(self._device, ladder[0].name, photographs[0][0]) from None
        else:
            yield Batch(inputs, _infos(infos, ladder), ())
            return
        torch.cuda.empty_cache()
        self._samples_at_once = max(1, self._n_samples(photographs) * len(ladder) // 2)
        if half := len(photographs) // 2:
            yield from self._rendered(photographs[:half], ladder)
            yield from self._rendered(photographs[half:], ladder)
        else:
            half = len(ladder) // 2
            yield from self._rendered(photographs, ladder[:half])
            yield from self._rendered(photographs, ladder[half:])

    def _inputs(
        self, photographs: Sequence[_Photograph], ladder: Sequence[Variant]
    ) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            pictures = [pixels for pixels, _ in photographs]
            ids = [info.image_id for _, info in photographs]
            rendered = self._engine.render(pictures, ids, ladder)
            return crops_of(rendered, self._cropped, self._preprocessings)

    def _n_samples(self, photographs: Sequence[_Photograph]) -> int:
        """Count the samples of one variant of some photographs, and of the inputs made of it."""
        n_samples = sum(pixels.numel() for pixels, _ in photographs)
        return n_samples + len(photographs) * self._input_samples


def _infos(clean: Sequence[SampleInfo], variants: Sequence[Variant]) -> tuple[SampleInfo, ...]:
    names = [variant.name for variant in variants]
    return tuple(chain.from_iterable(one.of_variants(names) for one in clean))
