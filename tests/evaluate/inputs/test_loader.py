"""What feeds the networks: every task once, by whichever worker is free."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

import evaluation_tasks
from evaluation_tasks import (
    CleanTask,
    DeadlyTask,
    GreyTask,
    crashing,
    exiting,
    failing,
    never_the_same,
)
from imagenetq import ImagenetqError
from imagenetq.builder import open_source
from imagenetq.errors import ModelError, WorkerError
from imagenetq.evaluate import CleanSource, Result, Settings, evaluate, load_model
from imagenetq.evaluate.data.base import Data, Task
from imagenetq.evaluate.evaluation.clean_pass import clean_inputs
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.loader import batches
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.evaluate.inputs.rebatch import whole_batches
from imagenetq.evaluate.models.preprocessing import OpaquePreprocessing, Preprocessing
from imagenetq.specification import Variant, variants

CPU = torch.device("cpu")
PREPROCESSING = Preprocessing(
    resize=None, interpolation="bilinear", crop=None, mean=(0, 0, 0), std=(1, 1, 1)
)
PINNED = [
    False,
    pytest.param(
        True, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
    ),
]


@pytest.mark.parametrize("pinned", PINNED)
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_sample_once_and_each_task_s_in_order(
    tmp_path: Path, workers: int, pinned: bool
) -> None:
    tasks = [GreyTask(f"task-{size}", size, tmp_path) for size in (0, 3, 1, 7, 20, 2, 5)]
    seen: dict[str, list[str]] = {task.key: [] for task in tasks}
    finished: dict[str, int] = {}
    with batches(tasks, [PREPROCESSING], batch_size=4, workers=workers, pinned=pinned) as stream:
        for batch in stream:
            assert isinstance(batch, Batch)
            assert not batch.infos or batch.inputs[0].is_pinned() == pinned
            for note, picture in zip(batch.infos, *batch.inputs, strict=True):
                assert note.image_id == f"{note.task}-{int(picture[0, 0, 0])}"
                seen[note.task].append(note.image_id)
            for key, n_samples in batch.finished:
                assert key not in finished
                assert len(seen[key]) == n_samples
                finished[key] = n_samples
    assert finished == {task.key: task.n_samples for task in tasks}
    for task in tasks:
        assert seen[task.key] == [f"{task.key}-{n}" for n in range(task.n_samples)]


def test_a_slow_task_holds_nobody_up(tmp_path: Path) -> None:
    """The largest begins first; here it ends only when another worker has read all the others."""
    others = [GreyTask(f"task-{number}", 8, tmp_path) for number in range(12)]
    slow = GreyTask("slow", 9, tmp_path, waits_for=tuple(task.key for task in others))
    with batches([*others, slow], [PREPROCESSING], batch_size=2, workers=2, pinned=False) as stream:
        notes = [note for batch in stream if isinstance(batch, Batch) for note in batch.infos]
    assert len(notes) == 12 * 8 + 9
    assert {note.task for note in notes[-9:]} == {"slow"}


@pytest.mark.parametrize("pinned", PINNED)
def test_a_killed_worker_is_told(tmp_path: Path, pinned: bool) -> None:
    tasks = [DeadlyTask(), GreyTask("task", 3, tmp_path)]
    with (
        batches(tasks, [PREPROCESSING], batch_size=1, workers=2, pinned=pinned) as stream,
        pytest.raises(ImagenetqError, match=re.escape("a worker process was killed")),
    ):
        list(stream)


def test_a_task_that_the_device_renders_is_finished_when_it_is_read() -> None:
    """Else nothing of the pass would be kept before its end, and all of it lost to Ctrl-C."""
    tasks = [CleanTask(f"task-{number}", 3) for number in range(4)]
    came = []
    with batches(tasks, [PREPROCESSING], batch_size=4, workers=0, pinned=False) as stream:
        for item in stream:
            if isinstance(item, Batch):
                came += [key for key, _ in item.finished]
                continue
            for pixels, note in item.images(item.pixels):
                number = int(note.image_id[-1])
                assert pixels.tolist() == np.full((5 + number, 7, 3), number).tolist()
                came.append(note.image_id)
    assert came == [
        name for task in tasks for name in (*(f"{task.key}-{n}" for n in range(3)), task.key)
    ]


def test_reading_keeps_no_file_open_for_every_batch(tmp_path: Path) -> None:
    pipeline = InputPipeline(CPU, batch_size=1, workers=2)
    n_open = psutil.Process().num_fds()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 100, before[1]))
    try:
        (inputs,), _ = clean_inputs(
            [load_model("baseline/nearest")], Grey(tmp_path, size=150), None, pipeline
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(inputs) == 150 + 1 + 2 + 3 + 4


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 8, 64])
def test_inputs_of_different_sizes_are_refused(
    tmp_path: Path, workers: int, batch_size: int
) -> None:
    pipeline = InputPipeline(CPU, batch_size=batch_size, workers=workers)
    tasks = [GreyTask(f"task-{number}", 3, tmp_path) for number in range(4)]
    with (
        pipeline.batches(tasks, [OpaquePreprocessing(never_the_same)]) as stream,
        pytest.raises(ModelError, match=r"different sizes \(3 x 2 x 1, 3 x 2 x 2"),
    ):
        list(whole_batches(stream, CPU, 64))


def read(tmp_path: Path, transform: Callable[[Image.Image], np.ndarray]) -> list[object]:
    tasks = [GreyTask("task", 3, tmp_path)]
    preprocessings = [OpaquePreprocessing(transform)]
    with batches(tasks, preprocessings, batch_size=4, workers=1, pinned=False) as stream:
        return list(stream)


def test_an_error_in_a_worker_is_one_line_with_its_place_and_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as raised:
        read(tmp_path, failing)
    place = rf"{re.escape(evaluation_tasks.__file__)}:\d+"
    assert re.fullmatch(
        rf"RuntimeError: a mistake of its own \(in a worker process, {place}\)", str(raised.value)
    )
    (note,) = raised.value.__notes__
    assert note.startswith("Traceback")
    assert "in failing" in note


@pytest.mark.parametrize(
    ("transform", "how"),
    [(exiting, r"ended by itself \(exit status 3\)"), (crashing, "was killed by SIGSEGV")],
)
def test_a_worker_that_ends_is_told_as_it_ended(tmp_path: Path, transform, how: str) -> None:
    with pytest.raises(ImagenetqError, match=f"^a worker process {how}"):
        read(tmp_path, transform)


def test_what_cannot_be_handed_over_is_named(tmp_path: Path, monkeypatch) -> None:
    held = memoryview(b"")
    with pytest.raises(ImagenetqError, match=r"^the preprocessing cannot be given to worker"):
        read(tmp_path, lambda _: held)
    monkeypatch.setitem(sys.modules, "only_here", module := ModuleType("only_here"))
    exec("def made(image): pass", vars(module))
    with pytest.raises(ImagenetqError, match=r"^the preprocessing cannot be loaded .*'only_here'"):
        read(tmp_path, module.made)


def test_workers_that_cannot_start_are_no_defect(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds() + 2, before[1]))
    try:
        with pytest.raises(ImagenetqError, match=r"^worker processes cannot start .*open files"):
            read(tmp_path, failing)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Grey(Data):
    """Clean grey pictures; the first task ends last."""

    variants = variants()

    def __init__(self, folder: Path, size: int = 6) -> None:
        later = [GreyTask(f"task-{number}", number, folder) for number in range(1, 5)]
        first = GreyTask("first", size, folder, waits_for=tuple(task.key for task in later))
        self.all = [first, *later]

    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        del variants, limit
        return self.all


def test_a_model_is_fitted_in_the_data_s_order(tmp_path: Path) -> None:
    """Where two photographs are as near, a baseline names the first: always the same one."""
    pipeline = InputPipeline(CPU, batch_size=2, workers=2)
    (inputs,), labels = clean_inputs(
        [load_model("baseline/nearest")], Grey(tmp_path), None, pipeline
    )
    greys = [number for size in (6, 1, 2, 3, 4) for number in range(size)]
    assert inputs[:, 0, 0, 0].tolist() == greys
    assert labels.tolist() == [0] * len(greys)


def test_where_shared_memory_is_small_the_answers_are_the_same(
    executable: str, tmp_path: Path
) -> None:
    """As in a container; one megabyte holds not even the first inputs that a worker sends."""
    small = ["unshare", "--mount", "sh", "-c"]
    small += ['mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" "$@"']
    if (
        os.geteuid()
        or subprocess.run([*small, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("a small /dev/shm needs root and the right to mount")
    only = ["clean", "contrast-0.3", "contrast-0.0"]
    command = [executable, "eval", "--model", "python/tiny_models:large", "--source", "sample"]
    command += ["--only", ",".join(only), "--workers", "2", "--device", "cpu"]
    ended = subprocess.run(
        [*small, *command, "--out", str(tmp_path / "small")],
        env=os.environ | {"PYTHONPATH": str(Path(evaluation_tasks.__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "/dev/shm is full, and inputs take a slower way; give it more room" in ended.stderr
    data = CleanSource(open_source("sample"), originals=tmp_path / "originals")
    model = load_model("python/tiny_models:large")
    (roomy,) = evaluate([model], data, tmp_path / "roomy", Settings(only=only))
    (folder,) = (tmp_path / "small").glob("python-*")
    assert Result.read(folder).entry.predictions_sha256 == roomy.entry.predictions_sha256
