"""Evaluating with variants rendered on the device: the same predictions as with the workers'."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from exactness import PREPROCESSINGS, ByOpenJpeg
from imagenetq.builder import open_source
from imagenetq.evaluate import CleanSource, Settings, evaluate, load_model
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.evaluate.models import LoadOptions
from imagenetq.specification import select_variants
from imagenetq.torch.engine import TENSORS

CPU = torch.device("cpu")
ONLY = ["clean", "blur-1", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-24"]


@pytest.fixture
def source(imagenet_sample: Path, tmp_path: Path) -> CleanSource:
    """Five real photographs."""
    folder = tmp_path / "images"
    folder.mkdir()
    for classfolder in sorted(path for path in imagenet_sample.iterdir() if path.is_dir())[:5]:
        (folder / classfolder.name).symlink_to(classfolder)
    return CleanSource(open_source(folder), originals=tmp_path / "originals", subset="mini")


def inputs_by_name(
    source: CleanSource, pipeline: InputPipeline
) -> dict[tuple[str, str], list[object]]:
    tasks = source.tasks(select_variants(ONLY))
    found = {}
    with pipeline.batches(tasks, PREPROCESSINGS[:2]) as stream:
        finished = {}
        for batch in stream:
            finished |= dict(batch.finished)
            for row, note in enumerate(batch.infos):
                name = note.image_id, note.variant
                assert name not in found
                found[name] = [note, *(tensor[row].numpy() for tensor in batch.inputs)]
    assert finished == {task.key: task.n_samples for task in tasks}
    return found


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_inputs_and_notes_are_those_of_the_workers(source: CleanSource, batch_size: int) -> None:
    on_workers = InputPipeline(CPU, batch_size, workers=0)
    expected = inputs_by_name(source, on_workers)
    found = inputs_by_name(source, replace(on_workers, engine=TENSORS))
    assert found.keys() == expected.keys()
    assert len(found) == 5 * len(ONLY)
    for name, (note, *inputs) in found.items():
        assert note == expected[name][0]
        for given, wanted in zip(inputs, expected[name][1:], strict=True):
            np.testing.assert_array_equal(given, wanted)


def test_jpeg2000_in_groups_but_of_large_photographs(source: CleanSource) -> None:
    on_workers = InputPipeline(CPU, 8, workers=0)
    renderer = ByOpenJpeg(10**6, most_pixels=190_000)
    in_groups = replace(on_workers, engine=replace(TENSORS, jpeg2000=renderer))
    expected, found = (inputs_by_name(source, pipeline) for pipeline in (on_workers, in_groups))
    # The rest is larger, and stays with the workers.
    assert 0 < sum(renderer.groups) < 5
    assert found.keys() == expected.keys()
    for name, (note, *inputs) in found.items():
        assert note == expected[name][0]
        for given, wanted in zip(inputs, expected[name][1:], strict=True):
            np.testing.assert_array_equal(given, wanted)


def test_a_large_photograph_is_rendered_in_parts(source: CleanSource) -> None:
    small = replace(TENSORS, samples_at_once=1)
    whole = inputs_by_name(source, InputPipeline(CPU, 8, workers=0, engine=TENSORS))
    parts = inputs_by_name(source, InputPipeline(CPU, 8, workers=0, engine=small))
    for name, (_, *inputs) in whole.items():
        for given, wanted in zip(parts[name][1:], inputs, strict=True):
            np.testing.assert_array_equal(given, wanted)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_predictions(
    source: CleanSource, real_weights: Path, tmp_path: Path, workers: int
) -> None:
    weights = real_weights / "squeezenet1_0_deepcompression.safetensors"
    model = load_model("torchvision/squeezenet1_0", LoadOptions(weights=str(weights)))
    results = {}
    for render in ("cpu", "gpu"):
        settings = Settings(only=ONLY, batch_size=6, workers=workers, render=render)
        (results[render],) = evaluate([model], source, tmp_path / render, settings)
    mine, theirs = results["gpu"].predictions, results["cpu"].predictions
    np.testing.assert_array_equal(mine.top5_class[..., 0], theirs.top5_class[..., 0])
    # Other pictures share a batch, which may change a network's last digits.
    np.testing.assert_allclose(mine.true_probability, theirs.true_probability, atol=1e-5)
    entry, other = results["gpu"].entry, results["cpu"].entry
    assert entry.source_digest == other.source_digest is not None
    assert entry.hardware["rendered on"] == "cpu, tensors"
    assert "rendered on" not in other.hardware
