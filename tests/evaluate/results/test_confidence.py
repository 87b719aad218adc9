"""Likelihood, Brier score and risk against coverage, against plain sums over all classes."""

import itertools
import math

import numpy as np
import pytest

from fake_predictions import columns, random_predictions
from imagenetq.evaluate.results.confidence import (
    SMALLEST,
    brier,
    confidence_scores,
    negative_log_likelihood,
    risk_coverage,
)
from imagenetq.evaluate.results.console import confidence_lines
from imagenetq.evaluate.results.format import bounds_words
from imagenetq.predictions import Predictions


def softmaxed(n: int, scale: float, seed: int = 0):
    """Predictions of one variant, and the whole probabilities and labels that they are of."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, scale, (n, 1000))
    labels = generator.integers(0, 1000, n)
    logits[: n // 2][np.arange(n // 2), labels[: n // 2]] += 3 * scale
    whole = np.exp(logits - logits.max(axis=1, keepdims=True))
    whole = (whole / whole.sum(axis=1, keepdims=True)).astype(np.float32)
    order = np.argsort(-whole, axis=1, kind="stable")
    rank = 1 + np.argmax(order == labels[:, None], axis=1)
    columns = {
        "image_id": [f"image-{i:03d}" for i in range(n)],
        "variant": ["clean"] * n,
        "label": labels,
        "short_side": np.full(n, 300),
        "top5_class": order[:, :5],
        "top5_probability": np.take_along_axis(whole, order[:, :5], axis=1),
        "true_probability": whole[np.arange(n), labels],
        "true_rank": rank,
    }
    return Predictions.from_columns(columns), whole.astype(np.float64), labels


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_the_true_values_lie_within_the_bounds(scale):
    predictions, whole, labels = softmaxed(60, scale)
    assert (predictions.true_rank > 5).any()
    truth = np.eye(1000)[labels]
    plain = ((whole - truth) ** 2).sum(axis=1)
    got = brier(predictions, 0)
    assert got.low.value - 1e-6 <= plain.mean() <= got.high.value + 1e-6
    likelihood = negative_log_likelihood(predictions.true_probability[:, 0])
    plain = -np.log(whole[np.arange(60), labels]).mean()
    assert likelihood.low == likelihood.high
    assert likelihood.low.value == pytest.approx(plain, rel=1e-9)


def test_the_brier_score_is_told_where_the_rest_is_nothing():
    predictions, whole, labels = softmaxed(40, 12.0)
    got = brier(predictions, 0)
    plain = ((whole - np.eye(1000)[labels]) ** 2).sum(axis=1).mean()
    assert got.high.value - got.low.value < 2e-3
    assert got.low.value - 1e-6 <= plain <= got.high.value + 1e-6


def one_answer(top, true, rank):
    classes = [0, 1, 2, 3, 4]
    return Predictions.from_columns(
        {
            "image_id": ["a"],
            "variant": ["clean"],
            "label": [classes[rank - 1] if rank <= 5 else 9],
            "short_side": [300],
            "top5_class": [classes],
            "top5_probability": [top],
            "true_probability": [true],
            "true_rank": [rank],
        }
    )


@pytest.mark.parametrize(
    ("top", "true", "rank"),
    [
        ([0.4, 0.2, 0.1, 0.1, 0.1], 0.4, 1),
        ([0.4, 0.2, 0.1, 0.1, 0.1], 0.05, 6),
        ([0.3, 0.1, 0.1, 0.1, 0.1], 0.03, 8),
        ([0.2, 0.1, 0.01, 0.005, 0.004], 0.001, 700),
        ([0.5, 0.2, 0.1, 0.1, 0.1], 0.0, 1000),
    ],
)
def test_both_brier_bounds_are_reached(top, true, rank):
    """Fill the classes that are not stored in every way of a few kinds that keeps what is."""
    top = [float(np.float32(value)) for value in top]
    true = float(np.float32(true))
    got = brier(one_answer(top, true, rank), 0)
    outside = rank > 5
    above = rank - 6 if outside else 0
    below = 995 - outside - above
    rest = 1 - sum(top) - (true if outside else 0)
    floor, ceiling = (true, true) if outside else (0.0, top[-1])
    reached = []
    for n_full, m_full in itertools.product(range(min(above, 150) + 1), range(min(below, 150) + 1)):
        spare = rest - above * floor - n_full * (top[-1] - floor) - m_full * ceiling
        if spare < -1e-9:
            continue
        squares = n_full * top[-1] ** 2 + (above - n_full) * floor**2 + m_full * ceiling**2
        if n_full < above and spare <= top[-1] - floor:
            reached.append(squares - floor**2 + (floor + spare) ** 2)
        if m_full < below and spare <= ceiling:
            reached.append(squares + spare**2)
        if abs(spare) < 1e-9:
            reached.append(squares)
        if n_full == m_full == 0:
            if below and spare / below <= ceiling:
                reached.append(above * floor**2 + below * (spare / below) ** 2)
            elif above:
                each = floor + (spare - below * ceiling) / above
                reached.append(above * each**2 + below * ceiling**2)
    known = sum(p * p for p in top) + (true**2 if outside else 0) - 2 * true + 1
    if reached:
        assert got.low.value == pytest.approx(known + min(reached), abs=1e-6)
        assert got.high.value == pytest.approx(known + max(reached), abs=1e-6)
    assert 0 <= got.low.value <= got.high.value <= 2


def test_a_probability_of_zero_bounds_the_likelihood_from_below_alone():
    got = negative_log_likelihood(np.array([1, 0.5, 0], np.float32))
    assert got.high is None
    assert got.low.value == pytest.approx((math.log(2) - math.log(SMALLEST)) / 3, rel=1e-9)
    assert bounds_words(got) == ">=29.343"
    subnormal = negative_log_likelihood(np.array([1e-40], np.float32))
    assert subnormal.high is None


def plain_curve(confidence, wrong):
    """The mean over many random orders of answers of equal confidence."""
    generator = np.random.default_rng(0)
    curves = []
    for _ in range(4000):
        order = np.lexsort((generator.random(len(wrong)), -confidence))
        curves.append(np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1))
    return np.mean(curves, axis=0)


def test_the_risk_coverage_curve_and_its_area():
    predictions = random_predictions(50, ("clean",), seed=3)
    held = risk_coverage(predictions, 0)
    wrong = ~predictions.correct(1)[:, 0]
    confidence = predictions.confidence[:, 0].astype(float)
    assert len(set(confidence)) == 50
    plain = [wrong[np.argsort(-confidence)[: k + 1]].mean() for k in range(50)]
    assert held.risk.tolist() == pytest.approx(plain)
    assert held.coverage.tolist() == pytest.approx([(k + 1) / 50 for k in range(50)])
    assert held.area == pytest.approx(np.mean(plain))
    assert held.risk[-1] == pytest.approx(wrong.mean())


def test_answers_of_equal_confidence_have_no_order():
    rank = np.array([1, 2, 1, 9, 1, 2])[:, None]
    confidence = np.array([0.9, 0.5, 0.5, 0.5, 0.3, 0.3], np.float32)[:, None]
    predictions = Predictions.from_columns(columns(rank, ("clean",), confidence=confidence))
    got = risk_coverage(predictions, 0)
    plain = plain_curve(confidence[:, 0], rank[:, 0] > 1)
    assert got.risk.tolist() == pytest.approx(plain.tolist(), abs=0.02)
    assert got.risk.tolist() == pytest.approx([0, 1 / 3, 4 / 9, 1 / 2, 1 / 2, 1 / 2])


def test_each_variant_has_its_scores_and_lines():
    predictions = random_predictions(12, ("clean", "blur-1", "jpeg-2"))
    got = confidence_scores(predictions)
    assert list(got) == ["clean", "blur-1", "jpeg-2"]
    lines = confidence_lines(got)
    assert len(lines) == 18
    area = f"{got['blur-1'].risk_area:.3f}"
    assert f"risk-coverage area, blur 1..9: {area} - - - - - - - -" in lines
    assert lines[0].startswith("negative log likelihood, clean: >=")
