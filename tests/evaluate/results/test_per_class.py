"""Classes under distortion: exact tests against scipy and brute force, planted effects found."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from fake_predictions import ALL, columns, random_predictions
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.per_class import class_scores, draw_ways, upper_tail
from imagenetq.evaluate.results.statistics import holm
from imagenetq.predictions import Predictions

BLUR = [ALL.index(f"blur-{sigma}") for sigma in range(1, 10)]
N_CLASSES, PER_CLASS = 30, 10


def planted() -> Predictions:
    """300 images of 30 classes: blur fells class 3 at once, and makes class 7 of class 5."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(N_CLASSES), PER_CLASS)
    rank = np.ones((len(labels), len(ALL)), int)
    falls_at = generator.integers(1, 9, len(labels))
    falls_at[labels == 3] = 0
    for level, column in enumerate(BLUR):
        rank[:, column] = np.where(level >= falls_at, 900, 1)
    rank[0, ALL.index("clean")] = 2
    made = columns(rank, labels=labels)
    top = made["top5_class"].reshape(len(labels), len(ALL), 5)
    # What is wrong is taken for a class that hundreds are, but for class 5.
    wrong = rank > 1
    top[wrong] = np.array([500, 501, 502, 503, 504])
    taken = wrong & (labels == 5)[:, None]
    top[taken] = np.array([7, 501, 502, 503, 504])
    made["true_rank"] = np.where(wrong, 900, 1).ravel().astype(np.int32)
    made["true_probability"] = np.where(wrong, 0, 0.5).ravel().astype(np.float32)
    return Predictions.from_columns(made)


@pytest.fixture(scope="module")
def found():
    return class_scores(planted())


@pytest.mark.parametrize("values", [[0, 0, 1, 2, 5], [3] * 4, [0, 1, 1, 2, 2, 4, 7]])
def test_ways_of_drawing_are_all_of_them(values):
    ways = draw_ways(np.array(values), 3)
    for n_drawn in range(4):
        sums = [sum(held) for held in itertools.combinations(values, n_drawn)]
        assert [sums.count(total) for total in range(len(ways[n_drawn]))] == list(ways[n_drawn])


def test_ways_by_simulation():
    generator = np.random.default_rng(1)
    values = generator.integers(0, 10, 200)
    ways = draw_ways(values, 8)[8]
    drawn = [generator.choice(values, 8, replace=False).sum() for _ in range(4000)]
    for total in (25, 32, 40):
        exact = sum(ways[: total + 1]) / math.comb(200, 8)
        assert np.mean(np.array(drawn) <= total) == pytest.approx(exact, abs=0.025)


@pytest.mark.parametrize(("n", "k", "m", "x"), [(8000, 300, 10, 4), (50, 5, 7, 1), (9, 9, 3, 3)])
def test_the_upper_tail_is_the_hypergeometric_one(n, k, m, x):
    assert upper_tail(n, k, m, x) == pytest.approx(stats.hypergeom.sf(x - 1, n, k, m), rel=1e-9)


def test_the_class_that_falls_first_is_found(found):
    blur = found.distortions["blur"]
    first = blur.falls[0]
    assert (first.label, first.n_images, first.kept) == (3, 10, 0)
    assert first.p_holm < 0.001
    assert [held.label for held in blur.falls if held.p_holm < 0.05] == [3]
    assert all(held.p_holm == 1 for held in found.distortions["noise"].falls)


def test_what_is_not_recognised_clean_does_not_count(found):
    sizes = {held.label: held.n_images for held in found.distortions["blur"].falls}
    assert sizes[0] == PER_CLASS - 1
    assert found.n_images == N_CLASSES * PER_CLASS - 1
    assert found.n_falls == 5 * N_CLASSES


def test_what_each_class_keeps_is_a_mean(found):
    predictions = planted()
    right = predictions.correct(1)
    known = right[:, ALL.index("clean")]
    for held in found.distortions["blur"].falls:
        chosen = known & (predictions.labels == held.label)
        assert held.kept == pytest.approx(right[np.ix_(chosen, BLUR)].mean())


def test_the_confusion_that_a_distortion_creates_is_found(found):
    first = found.distortions["blur"].confusions[0]
    assert (first.label, first.answer, first.n_taken, first.n_images) == (5, 7, 10, 10)
    assert first.share_of_others == 0
    assert first.p == pytest.approx(1 / math.comb(289, 10), rel=1e-6)
    # Class 500 draws all others as much.
    sure = [held for held in found.distortions["blur"].confusions if held.p_holm < 0.05]
    assert [(held.label, held.answer) for held in sure] == [(5, 7)]
    (plain,) = [h for h in found.distortions["blur"].confusions if (h.label, h.answer) == (8, 500)]
    assert plain.n_taken == 10
    assert plain.p > 0.5
    assert found.distortions["noise"].confusions == ()


def test_the_correction_counts_all_tests_that_could_have_been_made(found):
    # Answers under blur: 500, to which no class belongs, and 7, to which one does.
    assert found.n_confusions == N_CLASSES + (N_CLASSES - 1)
    blur = found.distortions["blur"].confusions
    p = np.array([held.p for held in blur] + [1.0] * (found.n_confusions - len(blur)))
    assert [held.p_holm for held in blur] == pytest.approx(holm(p)[: len(blur)].tolist())


def test_by_chance_nothing_is_found():
    found = class_scores(random_predictions(300))
    assert all(
        held.p_holm > 0.05
        for one in found.distortions.values()
        for held in (*one.falls, *one.confusions)
    )


def test_without_clean_images_or_anything_recognised_there_is_nothing_to_say():
    for held in (
        random_predictions(10, ("blur-1", "blur-2")),
        Predictions.from_columns(columns(np.full((5, len(ALL)), 9))),
    ):
        assert class_scores(held).distortions == {}


def test_more_photographs_of_a_class_than_imagenet_has_are_refused():
    labels = np.zeros(51, int)
    held = Predictions.from_columns(columns(np.ones((51, 1), int), ("clean",), labels=labels))
    with pytest.raises(EntryError, match="51 photographs are of class 0"):
        class_scores(held)
