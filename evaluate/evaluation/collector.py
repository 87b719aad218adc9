"""Sort answers, which come in batches, into their tasks."""

from collections.abc import Sequence

import numpy as np

from imagenetq.evaluate.evaluation.finished_tasks import Part
from imagenetq.evaluate.evaluation.runner import Answers
from imagenetq.evaluate.inputs.batch import SampleNote


class Collector:
    """Sorts a model's answers, which come in batches, into their tasks."""

    def __init__(self) -> None:
        self._notes: dict[str, list[SampleNote]] = {}
        self._answers: dict[str, list[Answers]] = {}
        self._expected: dict[str, int] = {}

    def add(self, notes: Sequence[SampleNote], answers: Answers) -> None:
        """Take a batch's answers."""
        tasks = np.array([note.task for note in notes])
        for key in dict.fromkeys(tasks.tolist()):
            rows: list[int] = np.flatnonzero(tasks == key).tolist()
            self._notes.setdefault(key, []).extend(notes[row] for row in rows)
            self._answers.setdefault(key, []).append(_rows(answers, rows))

    def expect(self, key: str, n_samples: int) -> None:
        """Learn that a task has been read to its end, and how many samples it had."""
        self._expected[key] = n_samples

    def complete(self) -> list[tuple[str, Part]]:
        """Give away the tasks of which every sample has been answered."""
        done = [
            key
            for key, expected in self._expected.items()
            if len(self._notes.get(key, [])) == expected
        ]
        return [(key, self._take(key)) for key in done]

    @property
    def is_empty(self) -> bool:
        """Whether every task was given away."""
        return not self._notes and not self._expected

    def _take(self, key: str) -> Part:
        del self._expected[key]
        notes = self._notes.pop(key, [])
        return Part(tuple(notes), _joined(self._answers.pop(key, [])))


def _rows(answers: Answers, rows: Sequence[int]) -> Answers:
    return Answers(
        answers.top5_class[rows],
        answers.top5_probability[rows],
        answers.true_probability[rows],
        answers.true_rank[rows],
        answers.finite[rows],
    )


def _joined(pieces: list[Answers]) -> Answers:
    if not pieces:
        return Answers(
            np.empty((0, 5), np.int16),
            np.empty((0, 5), np.float32),
            np.empty(0, np.float32),
            np.empty(0, np.int16),
            np.empty(0, np.bool_),
        )
    return Answers(
        np.concatenate([piece.top5_class for piece in pieces]),
        np.concatenate([piece.top5_probability for piece in pieces]),
        np.concatenate([piece.true_probability for piece in pieces]),
        np.concatenate([piece.true_rank for piece in pieces]),
        np.concatenate([piece.finite for piece in pieces]),
    )
