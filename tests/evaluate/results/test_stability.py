"""How scores and ranks move: against plain resampling, scipy's correlations, and by hand."""

import numpy as np
import pytest
from scipy import stats

from fake_predictions import ALL, columns, random_predictions, result
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.scores import image_scores
from imagenetq.evaluate.results.stability import (
    kendall_tau,
    number_in_class,
    ranks,
    resampled_scores,
    stability,
)
from imagenetq.predictions import Predictions
from imagenetq.selection import SourceImage, select

NAMES = ["a", "b", "c", "d"]


def answers(strength: float, seed: int, n_classes: int = 12, per_class: int = 5) -> Predictions:
    """Images of so many classes, of which some are hard for all."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), per_class)
    hard = np.random.default_rng(9).random(n_classes)[labels][:, None]
    right = generator.random((len(labels), len(ALL))) < strength * (1 - 0.8 * hard)
    return Predictions.from_columns(columns(np.where(right, 1, 9), labels=labels))


@pytest.fixture(scope="module")
def held():
    return [answers(strength, seed) for seed, strength in enumerate((0.9, 0.6, 0.59, 0.3))]


@pytest.fixture(scope="module")
def found(held):
    return stability(NAMES, held, {"mCE": [10.0, 55.0, None, 80.0], "same": [1.0] * 4})


def test_scores_and_ranks_are_the_results(found, held):
    for network, predictions in zip(found.networks, held, strict=True):
        assert network.score.value == pytest.approx(image_scores(predictions).mean())
    scores = [network.score.value for network in found.networks]
    assert [network.rank for network in found.networks] == [
        1 + sum(other > score for other in scores) for score in scores
    ]
    assert found.n_classes == 12


def test_resampling_draws_whole_classes(found, held):
    values = np.stack([image_scores(predictions) for predictions in held])
    labels = held[0].labels
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(3000):
        chosen = generator.integers(0, 12, 12)
        images = np.concatenate([np.flatnonzero(labels == label) for label in chosen])
        drawn.append(values[:, images].mean(axis=1))
    for network, own in zip(found.networks, np.array(drawn).T, strict=True):
        low, high = np.quantile(own, [0.025, 0.975])
        assert network.low == pytest.approx(low, abs=0.02)
        assert network.high == pytest.approx(high, abs=0.02)
        # Classes differ, so that drawing them moves a score more than drawing images does.
        assert network.high - network.low > network.score.high - network.score.low
    shares = np.mean(ranks(np.array(drawn)) == 2, axis=0)
    assert [n.rank_shares[1] for n in found.networks] == pytest.approx(shares.tolist(), abs=0.04)


def test_ranks_that_chance_decides_have_a_range(found):
    strong, one, other, weak = found.networks
    assert (strong.lowest_rank, strong.highest_rank) == (1, 1)
    assert (weak.lowest_rank, weak.highest_rank) == (4, 4)
    for middle in (one, other):
        assert (middle.lowest_rank, middle.highest_rank) == (2, 3)
        assert sum(middle.rank_shares) == pytest.approx(1)


def test_classes_of_unequal_sizes_count_by_their_images():
    labels = np.array([0, 0, 0, 1])
    drawn = resampled_scores(np.array([[1.0, 1.0, 1.0, 0.0]]), labels, 500)
    assert set(np.round(drawn[:, 0], 6)) == {0, 0.75, 1}


def test_the_draws_are_the_same_every_time(found, held):
    assert stability(NAMES, held).networks == found.networks


def test_subsets_are_those_of_the_specification(held):
    made = held[0]
    place = number_in_class(made)
    wnids = ["n01440764", "n01443537"]
    images = [
        SourceImage(image_id, wnids[label], "")
        for image_id, label in zip(made.image_ids, made.labels.tolist(), strict=True)
        if label < 2
    ]
    expected = {
        image.image_id: image.rank for image in select(images, "full", allow_short=True).images
    }
    got = dict(zip(made.image_ids, place.tolist(), strict=True))
    assert {image_id: got[image_id] for image_id in expected} == expected


def test_scores_over_subsets(found, held):
    values = [image_scores(predictions) for predictions in held]
    place = number_in_class(held[0])
    assert [one.n_images for one in found.nested] == [12, 24, 36, 48, 60]
    assert [one.n_images for one in found.slices] == [12] * 5
    for n, (nested, part) in enumerate(zip(found.nested, found.slices, strict=True)):
        assert list(nested.scores) == pytest.approx([v[place <= n].mean() for v in values])
        assert list(part.scores) == pytest.approx([v[place == n].mean() for v in values])
        assert nested.ranks[0] == 1
    assert found.nested[-1].tau == 1
    whole = [network.score.value for network in found.networks]
    expected = stats.kendalltau(found.slices[2].scores, whole).statistic
    assert found.slices[2].tau == pytest.approx(expected)


def test_correlations(found, held):
    pairs = {(one.first, one.second): one for one in found.correlations}
    clean = [predictions.correct(1)[:, 0].mean() for predictions in held]
    score = [network.score.value for network in found.networks]
    got = pairs["clean top-1", "ImageNet-Q score"]
    expected = stats.pearsonr(clean, score)
    interval = expected.confidence_interval()
    assert got.n_networks == 4
    assert got.pearson == pytest.approx(expected.statistic)
    assert (got.low, got.high) == pytest.approx((interval.low, interval.high))
    assert got.tau == pytest.approx(stats.kendalltau(clean, score).statistic)
    other = pairs["mCE", "relative score"]
    assert other.n_networks == 3
    assert (other.low, other.high) == (None, None)
    assert pairs["mCE", "clean top-1"].pearson < 0
    assert pairs["same", "clean top-1"].pearson is None
    assert len(pairs) == 7 + 2 * 8


def test_two_networks_have_no_correlation():
    held = [answers(0.9, 1), answers(0.4, 2)]
    assert all(
        one.pearson is None and one.tau is None for one in stability(["a", "b"], held).correlations
    )


def test_kendalls_tau_with_ties_is_scipys():
    one, other = np.array([1, 1, 2, 3, 4.0]), np.array([2, 1, 1, 4, 3.0])
    assert kendall_tau(one, other) == pytest.approx(stats.kendalltau(one, other).statistic)
    assert kendall_tau(one, np.ones(5)) is None
    assert kendall_tau(one[:1], other[:1]) is None


def test_one_network_alone():
    (network,) = stability(["a"], [result(20).predictions]).networks
    assert network.rank_shares == (1,)


def test_a_network_without_a_score_is_refused():
    with pytest.raises(EntryError, match="a has no ImageNet-Q score, which needs all 49"):
        stability(["a"], [random_predictions(5, ("clean",))])
