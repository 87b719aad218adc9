"""JPEG 2000 in groups beside the stream: nothing lost, nothing mixed up, nothing wrong let through.

The groups are rendered by OpenJPEG here, on the CPU; the kernels have tests of their own.
"""

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS, ByOpenJpeg, random_pictures
from imagenetq.distortions import Undistorted as Picture
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import SampleInfo
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.grouping import Groups
from imagenetq.evaluate.inputs.resize import cropped
from imagenetq.specification import select_variants

CPU = torch.device("cpu")
VARIANTS = select_variants(["jpeg2000-40", "jpeg2000-22"])


def notes(name: str) -> tuple[SampleInfo, ...]:
    return tuple(SampleInfo("t", name, "n", v.name, 0, 1, None) for v in VARIANTS)


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
        for row, note in enumerate(batch.infos):
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
    with pytest.raises(EvaluationError, match=r"code block of more bytes .* render on the CPU"):
        batches(ByOpenJpeg(10**6, faults=2))


def test_an_image_for_which_there_is_no_memory() -> None:
    with pytest.raises(EvaluationError, match=r"no memory is left on cpu for JPEG 2000"):
        batches(ByOpenJpeg(10**6, most_pictures=0))
