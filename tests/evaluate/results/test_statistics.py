"""Intervals and standard errors, against scipy, closed forms and the bootstrap."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from imagenetq.evaluate.results.statistics import (
    Statistic,
    Z,
    difference,
    estimate,
    mean,
    ratio,
    tidy,
    wilson,
)

COUNTS = st.integers(1, 10**5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=30)


def test_z_is_the_normal_quantile():
    assert stats.norm.ppf(0.975) == pytest.approx(Z, abs=1e-15)


@given(COUNTS)
def test_wilson_is_scipys(counts):
    correct, total = counts
    ours = wilson(correct, total)
    theirs = stats.binomtest(correct, total).proportion_ci(method="wilson")
    assert ours.value == pytest.approx(correct / total, rel=1e-9)
    assert ours.low == pytest.approx(theirs.low, rel=1e-6, abs=1e-9)
    assert ours.high == pytest.approx(theirs.high, rel=1e-6, abs=1e-9)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_wilson_at_the_ends():
    for n in range(1, 300):
        assert (wilson(0, n).low, wilson(0, n).value) == (0, 0)
        assert (wilson(n, n).high, wilson(n, n).value) == (1, 1)


@given(VALUES)
def test_the_standard_error_of_a_mean_is_scipys(values):
    ours = estimate(mean(np.array(values)))
    error = stats.sem(values)
    assert ours.value == pytest.approx(np.mean(values), abs=1e-9)
    assert ours.standard_error == pytest.approx(error, rel=1e-6, abs=1e-9)
    assert ours.low == pytest.approx(np.mean(values) - Z * error, abs=1e-8)
    assert ours.high == pytest.approx(np.mean(values) + Z * error, abs=1e-8)


def test_one_image_has_no_standard_error():
    single = estimate(mean(np.array([0.25])))
    assert (single.value, single.standard_error, single.low, single.high) == (
        0.25,
        None,
        None,
        None,
    )


@given(st.permutations([0.1, 0.2, 0.3, 1e-9, 0.7, 1 / 3, 0.9, 1 / 7]))
def test_the_order_of_the_images_changes_no_digit(values):
    expected = estimate(mean(np.array(sorted(values))))
    assert estimate(mean(np.array(values))) == expected


def test_a_ratio_has_the_delta_methods_error():
    generator = np.random.default_rng(0)
    below = generator.random(500)
    above = below * generator.random(500)
    got = estimate(ratio(mean(above), mean(below)))
    r = above.mean() / below.mean()
    variance = (
        np.var(above, ddof=1) + r**2 * np.var(below, ddof=1) - 2 * r * np.cov(above, below)[0, 1]
    )
    assert got.value == pytest.approx(r, rel=1e-9)
    assert got.standard_error == pytest.approx(math.sqrt(variance / 500) / below.mean(), rel=1e-8)


def test_a_ratio_to_nothing_is_none():
    assert ratio(mean(np.ones(3)), mean(np.zeros(3))) is None


def test_a_difference_is_paired():
    generator = np.random.default_rng(0)
    one = generator.random(50)
    other = one + 0.1 * generator.random(50)
    got = estimate(difference(mean(one), mean(other)))
    assert got.standard_error == pytest.approx(stats.sem(one - other), rel=1e-8)
    nothing = estimate(difference(mean(one), mean(one)))
    assert (nothing.value, nothing.standard_error) == (0, 0)


def test_the_bootstrap_agrees_on_ratios_and_their_differences():
    generator = np.random.default_rng(3)
    n, draws = 400, 4000
    clean = generator.random((2, n)) < [[0.6], [0.7]]
    score = clean * generator.random((2, n))
    rows = generator.integers(0, n, (draws, n))
    ratios = score[:, rows].mean(axis=2) / clean[:, rows].mean(axis=2)
    ours = [ratio(mean(score[i]), mean(clean[i])) for i in (0, 1)]
    pairs: list[tuple[Statistic, np.ndarray]] = [
        (ours[0], ratios[0]),
        (difference(*ours), ratios[0] - ratios[1]),
    ]
    for statistic, resampled in pairs:
        assert estimate(statistic).standard_error == pytest.approx(resampled.std(), rel=0.05)


def test_tidy_keeps_ten_digits_and_no_negative_zero():
    assert tidy(2 / 3) == 0.6666666667
    assert str(tidy(-0.0)) == "0.0"
    assert tidy(1.0) == 1
