"""Choose the photograph that the example figures show, and look up the answers to it."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagenetq.errors import UsageError
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.result import Result
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN


@dataclass(frozen=True)
class Answer:
    """One network's answer to one image."""

    label: int
    """The likeliest class, 0 to 999."""

    is_right: bool
    """Whether the likeliest class is the true one."""

    confidence: float
    """The probability that the network gives to the true class, 0 to 1."""


def answer_to(predictions: Predictions, image_id: str, variant: str) -> Answer | None:
    """Look up a network's answer; None if the variant was not evaluated."""
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
    """Choose the photograph to show, and give its image id.

    Unless an image id is given, it is the first photograph in the dataset's order (rank, then
    class) that the largest number of networks recognise when it is clean.

    Args:
        results: results on one dataset.
        image_id: id of the photograph wanted.

    Raises:
        UsageError: there are no results, or `image_id` is not among the predictions; near names
            are suggested.
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    predictions = results[0].predictions
    if image_id is None:
        votes = np.zeros(predictions.n_images, np.int64)
        for result in results:
            column = result.predictions.column(CLEAN)
            if column is not None:
                votes += result.predictions.correct(1)[:, column]
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
