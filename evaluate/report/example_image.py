"""Which photograph the example figures show, and what the networks answered to it."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from imagenetq.errors import UsageError
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.result import Result
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN


@dataclass(frozen=True)
class Answer:
    """One network's answer to one variant of one photograph."""

    label: int
    """The likeliest class, 0 to 999."""

    is_right: bool
    """Whether it is the true one."""

    confidence: float
    """The probability given to the true class, 0 to 1."""


def answer_to(predictions: Predictions, image_id: str, variant: str) -> Answer | None:
    """A network's answer; None if the variant was not evaluated."""
    column = predictions.column(variant)
    if column is None:
        return None
    row = predictions.image_ids.index(image_id)
    return Answer(
        label=int(predictions.top5_class[row, column, 0]),
        is_right=int(predictions.true_rank[row, column]) == 1,
        confidence=float(predictions.true_probability[row, column]),
    )


def choose_image(results: Sequence[Result], image_id: str | None = None) -> str:
    """The photograph to show.

    Unless one is asked for it is the first, in the dataset's order (rank, then class), that all
    networks recognise when it is clean; where there is none such, the first that most recognise.

    Args:
        results: of one dataset.
        image_id: the one that is asked for.

    Raises:
        UsageError: it is not among the predictions; near names are suggested.
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    predictions = results[0].predictions
    if image_id is None:
        votes = _clean_votes(results)
        first = max(predictions.dataset_order(), key=lambda row: votes[row])
        return predictions.image_ids[first]
    if image_id not in predictions.image_ids:
        near = difflib.get_close_matches(image_id, predictions.image_ids, n=3)
        hint = " or ".join(near) if near else predictions.image_ids[0]
        raise UsageError(
            f"no photograph {image_id!r} among the {predictions.n_images} of the entries; "
            f"did you mean {hint}?"
        )
    return image_id


def _clean_votes(results: Sequence[Result]) -> list[int]:
    """How many networks recognise each photograph when it is clean."""
    votes = [0] * results[0].predictions.n_images
    for result in results:
        column = result.predictions.column(CLEAN)
        if column is not None:
            right = result.predictions.correct(1)[:, column].tolist()
            votes = [vote + is_right for vote, is_right in zip(votes, right, strict=True)]
    return votes
