"""Answer every task that is not finished with every model, in one pass over the data."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import SampleInfo, Task
from imagenetq.evaluate.device import host_for
from imagenetq.evaluate.evaluation.answers import Answers, Collector
from imagenetq.evaluate.evaluation.finished_tasks import Parts
from imagenetq.evaluate.evaluation.runner import Runner
from imagenetq.evaluate.evaluation.settings import Settings
from imagenetq.evaluate.evaluation.throughput import Gauge
from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.evaluate.inputs.rebatch import whole_batches
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing
from imagenetq.progress import meter, say, working
from imagenetq.remote_errors import first_line

_WAITING_WRITES = 8
"""Number of finished tasks that may wait for a slow disk before the pass does."""


@dataclass
class _Seat:
    """One model's place in the pass."""

    runner: Runner

    index: int
    """Index of its preprocessing among those of all models."""

    parts: Parts

    collector: Collector = field(default_factory=Collector)
    """Its answers to tasks that are not finished."""

    infos: deque[tuple[SampleInfo, ...]] = field(default_factory=deque)
    """Infos of the batches whose answers are still to come."""

    writes: deque[Future[None]] = field(default_factory=deque)
    """Writes of finished tasks that are on their way to the disk."""


def answer(
    models: Sequence[Model],
    parts: Sequence[Parts],
    tasks: Sequence[Task],
    pipeline: InputPipeline,
    settings: Settings,
) -> None:
    """Answer this process's tasks with all models, but for those that all have finished before.

    Each model's finished tasks are kept in its parts, which are in the models' order.
    """
    keys = [task.key for task in tasks]
    finished = set.intersection(*(part.finished(keys) for part in parts))
    todo = [task for task in tasks if task.key not in finished]
    done = sum(task.n_samples or 0 for task in tasks if task.key in finished)
    if not todo:
        return
    device = pipeline.device
    preprocessings = different_preprocessings(models)
    seats = []
    graph_pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None
    for model, part in zip(models, parts, strict=True):
        with working(f"preparing {model.name}"):
            runner = Runner(
                model,
                device,
                settings.precision,
                compiled=settings.compiled,
                batch_size=pipeline.batch_size,
                graph_pool=graph_pool,
            )
        seats.append(_Seat(runner, preprocessings.index(model.preprocessing), part))
    with (
        _failures_in_a_line(device),
        host_for(device),
        meter("evaluating", sum(task.n_samples or 0 for task in tasks)) as progress,
        pipeline.batches(todo, preprocessings) as stream,
        # A thread waits for the disk, so that the device need not.
        ThreadPoolExecutor(1) as disk,
    ):
        gauge = Gauge(progress, done, has_device=device.type != "cpu")
        for batch in gauge.timed(whole_batches(stream, device, pipeline.batch_size)):
            for seat in seats:
                _submit(seat, batch, disk)
            gauge.advance([info.variant for info in batch.infos])
        for seat in seats:
            _collect(seat, list(seat.runner.drain()), disk)
            _await_writes(seat, 0)
            if not seat.collector.is_empty:
                raise EvaluationError("samples were lost between workers and device; report this")
        say(gauge.summary())


@contextmanager
def _failures_in_a_line(device: torch.device) -> Iterator[None]:
    """Say in one line that a GPU failed, which it may report at any later call."""
    try:
        yield
    except torch.AcceleratorError as error:
        raise EvaluationError(
            f"{device} failed ({first_line(error)}); what was finished is kept, and the same "
            "command goes on, with --render cpu if it fails again"
        ) from None


def different_preprocessings(models: Sequence[Model]) -> list[AnyPreprocessing]:
    """List the preprocessings of some models, each once."""
    return list(dict.fromkeys(model.preprocessing for model in models))


def _submit(seat: _Seat, batch: Batch, disk: ThreadPoolExecutor) -> None:
    for key, n_samples in batch.finished:
        seat.collector.expect(key, n_samples)
    if batch.infos:
        labels = torch.tensor([info.label for info in batch.infos])
        seat.runner.submit(batch.inputs[seat.index], labels)
        seat.infos.append(batch.infos)
    _collect(seat, list(seat.runner.ready()), disk)


def _collect(seat: _Seat, answered: Sequence[Answers], disk: ThreadPoolExecutor) -> None:
    for answers in answered:
        infos = seat.infos.popleft()
        if not answers["finite"].all():
            info = infos[int(answers["finite"].argmin())]
            raise EvaluationError(
                f"{seat.runner.model.name} gave logits that are not numbers for {info.image_id} "
                f"({info.variant}); try --precision fp32"
            )
        seat.collector.add(infos, answers)
    for key, task in seat.collector.complete():
        seat.writes.append(disk.submit(seat.parts.write, key, task))
    _await_writes(seat, _WAITING_WRITES)


def _await_writes(seat: _Seat, n_left: int) -> None:
    """Wait until at most so many writes are left, and raise what a finished one raised."""
    while len(seat.writes) > n_left or (seat.writes and seat.writes[0].done()):
        seat.writes.popleft().result()
