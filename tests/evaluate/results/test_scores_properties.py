"""What holds for the scores of any predictions."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_predictions import random_columns, random_predictions
from imagenetq.entry_scores import Scores
from imagenetq.errors import PredictionsError
from imagenetq.evaluate.results.scores import UNDISTORTED, compute_scores
from imagenetq.predictions import Predictions, read_predictions, write_predictions
from imagenetq.specification import LADDERS

DISTORTIONS = [ladder.distortion for ladder in LADDERS]


def numbers(scores: Scores) -> str:
    return scores.model_dump_json()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed):
    made = random_columns(9)
    rows = np.random.default_rng(seed).permutation(9 * 52)
    shuffled = {name: [values[row] for row in rows] for name, values in made.items()}
    assert numbers(compute_scores(Predictions.from_columns(shuffled))) == numbers(
        compute_scores(Predictions.from_columns(made))
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_names_of_the_images_change_no_digit(seed):
    made = random_columns(9)
    names = np.random.default_rng(seed).permutation(9)
    renamed = made | {"image_id": [f"id{names[row // 52]}" for row in range(9 * 52)]}
    assert numbers(compute_scores(Predictions.from_columns(renamed))) == numbers(
        compute_scores(Predictions.from_columns(made))
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_bounds(seed, n):
    got = compute_scores(random_predictions(n, seed=seed))
    means = [got.distortions[name].mean for name in DISTORTIONS]
    for held in (*means, got.score):
        assert 0 <= held.value <= 1
    assert min(m.value for m in means) <= got.score.value <= max(m.value for m in means)
    for variant in got.variants.values():
        assert 0 <= variant.top1.value <= variant.top5.value <= 1
        assert 0 <= variant.calibration_error <= 1
    for ladder, share in itertools.product(LADDERS, ("falls_to_90", "falls_to_50")):
        fall = getattr(got.distortions[ladder.distortion], share)
        ends = (UNDISTORTED.get(ladder.distortion, ladder.values[0]), ladder.values[-1])
        if fall is not None:
            assert (fall.value is not None) == (fall.place == "on the ladder")
        if fall is not None and fall.value is not None:
            assert min(ends) <= fall.value <= max(ends)
    assert Scores.model_validate_json(numbers(got)) == got


def test_recomputed_from_the_file_they_are_the_same_to_the_last_digit(tmp_path):
    predictions = random_predictions(60)
    write_predictions(tmp_path / "p.parquet", predictions)
    again = compute_scores(read_predictions(tmp_path / "p.parquet"))
    assert numbers(again) == numbers(compute_scores(predictions))


TAMPERED = ("label", "true_rank", "true_probability", "top5_class", "top5_probability")


@settings(max_examples=60, deadline=None)
@given(
    field=st.sampled_from(TAMPERED),
    row=st.integers(0, 5 * 52 - 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_tampered_answer_is_refused_or_moves_the_scores(field, row, seed):
    """For the likeliest class, the true class and their probabilities: all that scores use."""
    made = random_columns(5)
    before = Predictions.from_columns(made)
    generator = np.random.default_rng(seed)
    values = {name: np.array(column) for name, column in made.items()}
    if field == "top5_class":
        values[field][row, 0] = (values[field][row, 0] + generator.integers(1, 1000)) % 1000
    elif field == "top5_probability":
        values[field][row, 0] = generator.uniform(0, 1)
    elif field == "true_probability":
        values[field][row] = generator.uniform(0, 1)
    elif field == "true_rank":
        # Beyond the top 5 no score depends on the rank.
        values[field][row] = 1 + (values[field][row] > 1) * generator.integers(0, 5)
        values[field][row] += made[field][row] == 1
    else:
        values[field][row] = (values[field][row] + generator.integers(1, 1000)) % 1000
    try:
        after = Predictions.from_columns(values)
    except PredictionsError:
        return
    if after.encoded == before.encoded:
        return
    if field == "top5_class" and made["true_rank"][row] != 1:
        # One wrong answer for another: only the file's hash tells.
        return
    assert numbers(compute_scores(after)) != numbers(compute_scores(before))
