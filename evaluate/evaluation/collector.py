"""Sort answers, which come in batches, into their tasks."""

from collections.abc import Sequence

import numpy as np

from imagenetq.evaluate.evaluation.answers import ANSWER, Answers
from imagenetq.evaluate.evaluation.finished_tasks import Part
from imagenetq.evaluate.inputs.batch import SampleNote


class Collector:
    """A model's answers, which come in batches and are sorted into their tasks."""

    def __init__(self) -> None:
        self._notes: dict[str, list[SampleNote]] = {}
        self._answers: dict[str, list[Answers]] = {}
        self._expected: dict[str, int] = {}

    def add(self, notes: Sequence[SampleNote], answers: Answers) -> None:
        """Take a batch's answers."""
        tasks = np.array([note.task for note in notes])
        for key in dict.fromkeys(tasks.tolist()):
            rows = np.flatnonzero(tasks == key)
            self._notes.setdefault(key, []).extend(notes[row] for row in rows.tolist())
            self._answers.setdefault(key, []).append(answers[rows])

    def expect(self, key: str, n_samples: int) -> None:
        """Note that a task has been read to its end, and how many samples it had."""
        self._expected[key] = n_samples

    def complete(self) -> list[tuple[str, Part]]:
        """Give away the tasks whose samples have all been answered."""
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
        answers = np.concatenate([np.empty(0, ANSWER), *self._answers.pop(key, [])])
        return Part(tuple(self._notes.pop(key, [])), answers)
