"""Error consistency, against Cohen's and Fleiss's formulas written out, and by hand."""

import math

import numpy as np
import pytest

from fake_predictions import ALL, random_predictions
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.consistency import (
    consistency,
    kappa,
    kappa_estimate,
)
from imagenetq.evaluate.results.statistics import estimate

SCORED_BLUR = [f"blur-{sigma}" for sigma in range(1, 10)]


def cohen(one, other):
    """Kappa and its large-sample error (Fleiss, Cohen & Everitt 1969), from the 2 x 2 table."""
    n = len(one)
    table = np.array([[np.mean((one == a) & (other == b)) for b in (0, 1)] for a in (0, 1)])
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed, expected = np.trace(table), float(rows @ columns)
    value = (observed - expected) / (1 - expected)
    diagonal = sum(table[i, i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in (0, 1))
    others = (1 - value) ** 2 * sum(
        table[i, j] * (columns[i] + rows[j]) ** 2 for i in (0, 1) for j in (0, 1) if i != j
    )
    chance = (value - expected * (1 - value)) ** 2
    variance = (diagonal + others - chance) / (1 - expected) ** 2
    # As everywhere here, of the sample: n - 1.
    return value, math.sqrt(variance / (n - 1))


@pytest.mark.parametrize(("p", "q", "shared"), [(0.5, 0.5, 0.5), (0.9, 0.6, 0.2), (0.1, 0.2, 0.9)])
def test_one_variant_is_cohens_kappa_with_fleiss_error(p, q, shared):
    generator = np.random.default_rng(3)
    common = generator.random(400) < shared
    draws = generator.random((3, 400))
    one, other = (np.where(common, draws[2], draws[i]) < share for i, share in ((0, p), (1, q)))
    got = estimate(kappa(one[:, None], other[:, None]))
    value, error = cohen(one, other)
    assert got.value == pytest.approx(value, abs=1e-9)
    assert got.standard_error == pytest.approx(error, rel=1e-6)
    assert got.high - got.low == pytest.approx(2 * 1.959964 * error, rel=1e-6)


def test_kappa_by_hand():
    one = np.array([1, 1, 0, 0], bool)[:, None]
    assert kappa(one, one).value == 1
    assert kappa(one, ~one).value == -1
    assert kappa(one, np.array([1, 0, 1, 0], bool)[:, None]).value == 0
    assert kappa(np.ones((4, 1), bool), ~np.ones((4, 1), bool)).value == 0
    for always in (np.ones((4, 1), bool), np.zeros((4, 1), bool)):
        assert kappa(always, always) is None


def test_levels_of_different_difficulty_are_no_agreement():
    generator = np.random.default_rng(0)
    shares = np.array([0.95, 0.5, 0.05])
    one, other = (generator.random((3000, 3)) < shares for _ in range(2))
    whole = estimate(kappa(one, other))
    assert whole.low < 0 < whole.high
    pooled, _ = cohen(one.ravel(), other.ravel())
    assert pooled > 0.5


def test_the_error_over_levels_is_the_bootstraps():
    first, second = random_predictions(300, seed=1), random_predictions(300, seed=2)
    held = consistency(first, second).distortions["blur"]
    columns = [ALL.index(name) for name in SCORED_BLUR]
    one, other = (network.correct(1)[:, columns] for network in (first, second))
    generator = np.random.default_rng(5)
    drawn = []
    for _ in range(600):
        chosen = generator.integers(0, 300, 300)
        a, b = one[chosen], other[chosen]
        p, q = a.mean(axis=0), b.mean(axis=0)
        drawn.append(1 - (a != b).mean(axis=0).sum() / (p * (1 - q) + q * (1 - p)).sum())
    assert held.standard_error == pytest.approx(np.std(drawn), rel=0.12)


def test_all_of_two_networks():
    first, second = random_predictions(60, seed=1), random_predictions(60, seed=2)
    got = consistency(first, second)
    assert len(got.variants) == 50
    assert "contrast-0.0" not in got.variants
    for name, held in got.variants.items():
        one, other = (p.correct(1)[:, ALL.index(name)] for p in (first, second))
        assert held.value == pytest.approx(cohen(one, other)[0], abs=1e-9)
    means = [held.value for held in got.distortions.values()]
    assert got.mean.value == pytest.approx(np.mean(means), abs=1e-9)


def test_what_was_not_answered_is_absent():
    names = ("clean", "blur-1")
    got = consistency(random_predictions(20, names, 1), random_predictions(20, seed=2))
    assert list(got.variants) == list(names)
    assert set(got.distortions.values()) == {None}
    assert got.mean is None


def test_other_images_are_refused():
    consistency(random_predictions(20), random_predictions(20, seed=1))
    with pytest.raises(
        EntryError, match=r"the first result and result 2 are of different images \(20 and 21\)"
    ):
        consistency(random_predictions(20), random_predictions(21))


def test_no_interval_is_given_where_chance_gives_too_few_images():
    one, other = np.zeros((200, 1), bool), np.zeros((200, 1), bool)
    one[:30] = True
    other[:34] = True
    assert kappa_estimate(one, other).low is not None
    other[33] = False
    assert 200 * (30 / 200) * (33 / 200) < 5
    held = kappa_estimate(one, other)
    assert held.value == pytest.approx(cohen(one[:, 0], other[:, 0])[0])
    assert (held.standard_error, held.low, held.high) == (None, None, None)
    few = consistency(random_predictions(8, seed=1), random_predictions(8, seed=2))
    assert few.mean.value is not None
    assert few.mean.low is None
