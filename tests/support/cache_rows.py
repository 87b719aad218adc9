"""What a pass gives, with a cache or without one: every sample's note and inputs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.inputs.cache import Store
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.specification import select_variants

CPU = torch.device("cpu")
ONLY = ["clean", "contrast-0.3", "jpeg-10", "jpeg2000-24"]
ROOMY = 10**9
SMALL = [
    replace(PREPROCESSINGS[0], resize=24, crop=(20, 24)),
    replace(PREPROCESSINGS[2], resize=(32, 32)),
]
CROP = 20 * 24 * 3

Rows = dict[tuple[str, str], list[object]]


def rows(
    data: Data,
    store: Store | None,
    n: int = 2,
    engine: object = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Rows:
    """Every sample's note and inputs, by image and variant.

    Args:
        meanwhile: what happens once it is known which tasks the cache has.
    """
    pipeline = InputPipeline(CPU, 48, workers=0, engine=engine, cache=store)  # type: ignore[arg-type]
    tasks = data.tasks(select_variants(ONLY))
    found: Rows = {}
    finished: dict[str, int] = {}
    with pipeline.batches(tasks, SMALL[:n]) as stream:
        meanwhile()
        for batch in stream:
            assert not finished.keys() & dict(batch.finished)
            # A device renders as many together as its memory allows.
            assert engine is not None or len(batch.infos) <= 48
            finished |= dict(batch.finished)
            for row, note in enumerate(batch.infos):
                assert (note.image_id, note.variant) not in found
                inputs = [tensor[row].numpy().copy() for tensor in batch.inputs]
                found[note.image_id, note.variant] = [note, *inputs]
    assert finished == {task.key: task.n_samples for task in tasks}
    return found


def require_same(found: Rows, expected: Rows) -> None:
    assert found.keys() == expected.keys()
    assert len(found) == 130 * len(ONLY)
    for name, (note, *inputs) in found.items():
        assert note == expected[name][0]
        for given, wanted in zip(inputs, expected[name][1:], strict=True):
            np.testing.assert_array_equal(given, wanted)


def undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on decoding a picture fails the test."""

    def fail(*_: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr("imagenetq.evaluate.data.clean_source.decode", fail)
    monkeypatch.setattr("imagenetq.evaluate.data.rows.decode", fail)


def entries(cache: Path) -> list[Path]:
    """A cache's files of prepared inputs."""
    return sorted(cache.rglob("*.crops"))
