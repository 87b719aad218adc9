"""JPEG 2000 in groups beside the stream: nothing lost, nothing mixed up, nothing wrong let through.

The groups are rendered by OpenJPEG here, on the CPU; the kernels have tests of their own.
"""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS, random_pictures
from imagenetq.distortions import Original as Picture
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.errors import EvaluationError
from imagenetq.evaluate.batch import Batch, SampleNote
from imagenetq.evaluate.rendering.grouping import Groups
from imagenetq.evaluate.rendering.resize import cropped
from imagenetq.specification import Value, select_variants
from imagenetq.torch.jpeg2000.ladder import Rendering

CPU = torch.device("cpu")
VARIANTS = select_variants(["jpeg2000-40", "jpeg2000-22"])


class ByOpenJpeg:
    """Renders groups of up to so many pictures; for more there is no memory."""

    most_pixels = 10**6

    def __init__(self, pixels_at_once: int, most_pictures: int = 100, faults: int = 0) -> None:
        self.pixels_at_once = pixels_at_once
        self.most_pictures, self.faults = most_pictures, faults
        self.groups: list[int] = []

    def queue(self, pictures: Sequence[torch.Tensor], targets: Sequence[Value]) -> Rendering:
        if len(pictures) > self.most_pictures:
            raise torch.OutOfMemoryError("a GPU would say so")
        self.groups.append(len(pictures))
        levels = [
            torch.from_numpy(
                np.stack([one.pixels for one in jpeg2000(Picture(picture.numpy()), targets)])
            )
            for picture in pictures
        ]
        return Rendering(levels, torch.tensor([0, self.faults], dtype=torch.int32))


def notes(name: str) -> tuple[SampleNote, ...]:
    return tuple(SampleNote("t", name, "n", v.name, 0, 1, None) for v in VARIANTS)


def batches(renderer: ByOpenJpeg) -> list[Batch]:
    groups = Groups(renderer, cropped, CPU, PREPROCESSINGS[:2])
    given = []
    for place, pixels in enumerate(random_pictures(5, 6, largest=60)):
        groups.add(torch.from_numpy(pixels), VARIANTS, notes(str(place)))
        given += list(groups.ready())
    return [*given, *groups.rest()]


@pytest.mark.parametrize(
    ("renderer", "sizes"),
    [
        (ByOpenJpeg(10**6), [6]),
        (ByOpenJpeg(1), [1] * 6),
        (ByOpenJpeg(10**6, most_pictures=2), [1, 2, 1, 2]),
    ],
)
def test_inputs_and_notes_of_every_image(renderer: ByOpenJpeg, sizes: list[int]) -> None:
    found = {}
    for batch in batches(renderer):
        for row, note in enumerate(batch.notes):
            found[note.image_id, note.variant] = [one[row].numpy() for one in batch.inputs]
    assert renderer.groups == sizes
    assert len(found) == 6 * len(VARIANTS)
    for place, pixels in enumerate(random_pictures(5, 6, largest=60)):
        targets = [variant.value for variant in VARIANTS if variant.value is not None]
        for variant, one in zip(VARIANTS, jpeg2000(Picture(pixels), targets), strict=True):
            given = found[str(place), variant.name]
            for preprocessing, inputs in zip(PREPROCESSINGS[:2], given, strict=True):
                np.testing.assert_array_equal(inputs, preprocessing.pixels(one.pixels))


def test_pixels_that_the_kernels_disown_are_not_given() -> None:
    with pytest.raises(EvaluationError, match=r"code block of more bytes .* use --render cpu"):
        batches(ByOpenJpeg(10**6, faults=2))


def test_an_image_for_which_there_is_no_memory() -> None:
    with pytest.raises(EvaluationError, match=r"no memory is left on cpu for JPEG 2000"):
        batches(ByOpenJpeg(10**6, most_pictures=0))
