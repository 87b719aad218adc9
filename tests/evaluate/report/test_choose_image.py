import numpy as np
import pytest

from fake_predictions import columns, result, run
from imagenetq.errors import UsageError
from imagenetq.evaluate import Result
from imagenetq.evaluate.report.pictures import answer_to, choose_image
from imagenetq.predictions import Predictions
from imagenetq.selection import rank_key

NAMES = ("clean", "blur-3")


def of(clean_ranks, labels):
    rank = np.array([[rank, 2] for rank in clean_ranks])
    held = columns(rank, NAMES, labels=np.array(labels))
    return Result.of(run(), Predictions.from_columns(held))


def test_the_first_by_rank_then_class_that_all_recognise():
    labels = [5, 5, 5, 2, 2]
    ids = result(5, NAMES).predictions.image_ids
    ranked = sorted(range(5), key=lambda row: rank_key(ids[row]))
    fives, twos = ([row for row in ranked if labels[row] == wanted] for wanted in (5, 2))
    order = [twos[0], fives[0], twos[1], fives[1], fives[2]]
    for first in range(5):
        ranks = np.full(5, 3)
        ranks[order[first:]] = 1
        assert choose_image([of(ranks, labels)]) == ids[order[first]]


def test_all_networks_must_recognise_it_or_else_most():
    ids = result(3, NAMES).predictions.image_ids
    labels = [0, 1, 2]
    assert choose_image([of([1, 2, 1], labels), of([2, 2, 1], labels)]) == ids[2]
    assert choose_image([of([2, 1, 2], labels), of([2, 2, 2], labels)]) == ids[1]


def test_the_one_asked_for_must_be_among_the_predictions():
    held = result(3, NAMES)
    wanted = held.predictions.image_ids[1]
    assert choose_image([held], wanted) == wanted
    with pytest.raises(UsageError, match=f"no photograph '{wanted}x' among the 3 .* did you mean"):
        choose_image([held], f"{wanted}x")
    with pytest.raises(UsageError, match="no photograph 'zzz'"):
        choose_image([held], "zzz")


def test_an_answer_is_what_the_predictions_hold():
    predictions = result(4, NAMES).predictions
    for row, image_id in enumerate(predictions.image_ids):
        for column, name in enumerate(NAMES):
            answer = answer_to(predictions, image_id, name)
            assert answer.label == predictions.top5_class[row, column, 0]
            assert answer.is_right == (predictions.true_rank[row, column] == 1)
            assert answer.is_right == (answer.label == predictions.labels[row])
            assert answer.confidence == predictions.true_probability[row, column]
    assert answer_to(predictions, predictions.image_ids[0], "jpeg-2") is None
