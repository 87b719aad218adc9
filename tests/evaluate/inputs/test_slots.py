"""Slots of shared memory: one holder at a time, given back once copied, and never waited for."""

import multiprocessing
from dataclasses import replace
from operator import methodcaller

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS
from imagenetq.evaluate.data.base import CleanImage, SampleInfo
from imagenetq.evaluate.inputs import slots as slots_module
from imagenetq.evaluate.inputs.batch import CleanImages
from imagenetq.evaluate.inputs.device_rendering import Stage
from imagenetq.evaluate.inputs.slots import SLOT_BYTES, Slots, slots_for
from imagenetq.torch.engine import TENSORS

CONTEXT = multiprocessing.get_context("spawn")
CPU = torch.device("cpu")


def images(n: int, seed: int = 0, side: int = 20) -> list[CleanImage]:
    draws = np.random.default_rng(seed)
    return [
        CleanImage(
            SampleInfo("t", f"{seed}-{index}", "n01440764", "clean", 0, side, None),
            draws.integers(0, 256, (side, side + index, 3), dtype=np.uint8),
            ("clean", "contrast-0.3"),
        )
        for index in range(n)
    ]


def received(sent: CleanImages, slots: Slots) -> CleanImages:
    """What the other process makes of it."""
    function, arguments = sent.__reduce__()
    made: CleanImages = function(*arguments)
    return made.found_in(slots)


def test_photographs_arrive_in_a_slot_or_beside_it() -> None:
    slots = Slots(1, CONTEXT)
    first, second = (CleanImages.of(images(3, seed), slots) for seed in (1, 2))
    assert (first.slot, second.slot) == (0, None)
    for sent, seed in ((first, 1), (second, 2)):
        come = received(sent, slots)
        for (pixels, info), image in zip(come.images(come.pixels), images(3, seed), strict=True):
            np.testing.assert_array_equal(pixels.numpy(), image.pixels)
            assert info == image.info
        if come.release is not None:
            come.release()
    assert CleanImages.of(images(1), slots).slot == 0
    slots.release(0)
    too_large = images(1, side=1 + int((SLOT_BYTES / 3) ** 0.5))
    assert CleanImages.of(too_large, slots).slot is None


def test_a_slot_is_free_once_its_photographs_are_taken_in() -> None:
    slots = Slots(1, CONTEXT)

    def stream():  # type: ignore[no-untyped-def]
        for seed in range(3):
            sent = CleanImages.of(images(2, seed), slots)
            assert sent.slot == 0
            yield received(sent, slots)

    given = list(Stage(TENSORS, CPU, PREPROCESSINGS[5:]).batches(stream()))
    ids = [info.image_id for batch in given for info in batch.infos]
    assert ids == [f"{seed}-{index}" for seed in range(3) for index in range(2) for _ in range(2)]
    # What was in the slot first is not what was in it last.
    inputs = torch.cat([batch.inputs[0] for batch in given])
    for row, image in enumerate(image for seed in range(3) for image in images(2, seed)):
        expected = PREPROCESSINGS[5].pixels(image.pixels)
        np.testing.assert_array_equal(inputs[2 * row].numpy(), expected)


def test_a_lock_that_a_dead_worker_kept_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "_PATIENCE", 0.01)
    slots = Slots(1, CONTEXT)
    dead = CONTEXT.Process(target=methodcaller("acquire"), args=[slots._free.get_lock()])
    dead.start()
    dead.join()
    assert dead.exitcode == 0
    assert CleanImages.of(images(2), slots).slot is None


@pytest.mark.parametrize("error", [RuntimeError("unable to allocate shared memory"), OSError(28)])
def test_no_room_for_slots(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(torch.UntypedStorage, "_new_shared", full)
    assert slots_for(4, CONTEXT) is None


@pytest.mark.parametrize("most", [1, 3])
def test_less_at_once_where_memory_is_short(most: int) -> None:
    """A group, or a photograph's ladder, is halved until it fits."""
    sizes: list[tuple[int, int]] = []

    class Small(type(TENSORS)):  # type: ignore[misc]
        def render(self, pictures, image_ids, variants):  # type: ignore[no-untyped-def]
            if len(pictures) * len(variants) > most:
                raise torch.OutOfMemoryError("a GPU would say so")
            sizes.append((len(pictures), len(variants)))
            return super().render(pictures, image_ids, variants)

    engine = Small(**vars(replace(TENSORS)))
    made = [CleanImages.of(images(5, seed)) for seed in range(2)]
    given = list(Stage(engine, CPU, PREPROCESSINGS[5:]).batches(iter(made)))
    names = [(info.image_id, info.variant) for batch in given for info in batch.infos]
    assert sorted(names) == sorted(
        (image.info.image_id, name)
        for seed in range(2)
        for image in images(5, seed)
        for name in ("clean", "contrast-0.3")
    )
    assert max(n * m for n, m in sizes) == (1 if most == 1 else 2)
