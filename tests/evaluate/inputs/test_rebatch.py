"""Pieces become whole batches: every sample once, in order, whatever comes."""

from collections.abc import Iterator

import pytest
import torch

from imagenetq.evaluate.data.base import SampleInfo
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.rebatch import whole_batches

CPU = torch.device("cpu")


def pieces(sizes: list[int]) -> Iterator[Batch]:
    """Each with the number of every sample in both inputs, and the news that it is a task."""
    number = 0
    for place, size in enumerate(sizes):
        numbers = torch.arange(number, number + size, dtype=torch.uint8)
        number += size
        notes = tuple(
            SampleInfo(f"task-{place}", str(int(n)), "n01440764", "clean", 0, 9, None)
            for n in numbers
        )
        pixels = numbers[:, None, None, None]
        inputs = (pixels, pixels + 1) if notes else ()
        yield Batch(inputs, notes, ((f"task-{place}", size),))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([0], [0]),
        ([3], [3]),
        ([4, 4], [4, 4]),
        ([1, 2, 1, 3], [4, 3]),
        ([2, 11, 0, 2], [4, 4, 4, 3]),
        ([1, 4, 3], [4, 4]),
    ],
)
def test_whole_batches(sizes: list[int], expected: list[int]) -> None:
    joined = list(whole_batches(pieces(sizes), CPU, 4))
    assert [len(batch.infos) for batch in joined] == expected
    seen = []
    for batch in joined:
        numbers = [int(note.image_id) for note in batch.infos]
        seen += numbers
        if numbers:
            first, second = (column.flatten().tolist() for column in batch.inputs)
            assert first == numbers
            assert second == [n + 1 for n in numbers]
    assert seen == list(range(sum(sizes)))
    assert [news for batch in joined for news in batch.finished] == [
        (f"task-{place}", size) for place, size in enumerate(sizes)
    ]
