"""Keep of a batch's logits what the scores need, as one array, and sort it into tasks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.evaluate.data.base import SampleInfo

ANSWER = np.dtype(
    [
        ("top5_class", np.int16, 5),
        ("top5_probability", np.float32, 5),
        ("true_probability", np.float32),
        ("true_rank", np.int16),
        ("finite", np.bool_),
    ]
)
"""A network's answer to one image: the five likeliest classes, best first, and of equal logits the
lower class first, with their softmax; the probability and rank, from 1, of the true class; and
whether all logits were finite numbers."""

Answers: TypeAlias = NDArray[np.void]
"""Answers to n images: of dtype `ANSWER` and shape (n,)."""


class AnsweredSamples(NamedTuple):
    """Samples, and a network's answers to them in the same order."""

    infos: Sequence[SampleInfo]
    answers: Answers


def pack(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Put all that is kept into one tensor, so that one copy brings it to the host.

    Logits are float32 of shape (n, 1000), labels int64 of shape (n,), and the tensor for `unpack`
    float32 of shape (n, 13).
    """
    probabilities = logits.softmax(dim=1)
    # Stable, so that equal logits stay in class order; topk promises nothing about them.
    order = torch.sort(logits, dim=1, descending=True, stable=True).indices
    top5 = order[:, :5]
    rank = (order == labels[:, None]).to(torch.uint8).argmax(dim=1) + 1
    columns = [
        top5.float(),
        probabilities.gather(1, top5),
        probabilities.gather(1, labels[:, None]),
        rank[:, None].float(),
        torch.isfinite(logits).all(dim=1, keepdim=True).float(),
    ]
    return torch.cat(columns, dim=1)


def unpack(packed: torch.Tensor) -> Answers:
    """Read what `pack` has put together, once it is on the host."""
    values = packed.numpy()
    answers = np.empty(len(values), ANSWER)
    answers["top5_class"] = values[:, :5]
    answers["top5_probability"] = values[:, 5:10]
    answers["true_probability"] = values[:, 10]
    answers["true_rank"] = values[:, 11]
    answers["finite"] = values[:, 12] > 0
    return answers


@dataclass
class _Begun:
    """A task of which answers have come, or which has been read to its end."""

    infos: list[SampleInfo] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)
    n_samples: int | None = None


class Collector:
    """A model's answers, which come in batches and are sorted into their tasks."""

    def __init__(self) -> None:
        self._tasks: defaultdict[str, _Begun] = defaultdict(_Begun)

    def add(self, infos: Sequence[SampleInfo], answers: Answers) -> None:
        """Take a batch's answers."""
        tasks = np.array([info.task for info in infos])
        for key in dict.fromkeys(tasks.tolist()):
            rows = np.flatnonzero(tasks == key)
            self._tasks[key].infos.extend(infos[row] for row in rows.tolist())
            self._tasks[key].answers.append(answers[rows])

    def expect(self, key: str, n_samples: int) -> None:
        """Note that a task has been read to its end, and how many samples it had."""
        self._tasks[key].n_samples = n_samples

    def complete(self) -> Iterator[tuple[str, AnsweredSamples]]:
        """Give away the tasks whose samples have all been answered."""
        for key, task in list(self._tasks.items()):
            if len(task.infos) == task.n_samples:
                del self._tasks[key]
                answers = np.concatenate([np.empty(0, ANSWER), *task.answers])
                yield key, AnsweredSamples(task.infos, answers)

    @property
    def is_empty(self) -> bool:
        """Whether every task was given away."""
        return not self._tasks
