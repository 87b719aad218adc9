"""Paired comparisons, against scipy, the bootstrap, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fake_predictions import ALL, columns, random_predictions, result, run
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.comparison import Comparison, compare, mcnemar, normal_p
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.statistics import holm
from imagenetq.predictions import Predictions
from imagenetq.specification import scored_variants

SCORED = [v.name for v in scored_variants()]

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_mcnemar_is_the_exact_binomial_test(b, c):
    (got,) = mcnemar(np.array([b]), np.array([c]))
    expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-250)


def test_mcnemar_by_hand():
    got = mcnemar(np.array([0, 5, 0, 1, 3]), np.array([0, 0, 1, 3, 3]))
    assert got.tolist() == pytest.approx([1, 2 / 32, 1, 10 / 16, 1])


@given(P_VALUES)
def test_holm_by_its_definition(p):
    p = np.array(p)
    got = holm(p)
    order = np.argsort(p, kind="stable")
    for place, i in enumerate(order):
        steps = [(len(p) - j) * p[order[j]] for j in range(place + 1)]
        assert got[i] == pytest.approx(min(1, max(steps)))


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni(p):
    p = np.array(p)
    assert (holm(p) >= p).all()
    assert (holm(p) <= np.minimum(len(p) * p, 1) + 1e-15).all()


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_counts_and_differences_of_a_variant():
    first, second = result(80, seed=1), result(80, seed=2)
    got = compare(first, second)
    one, other = first.predictions.correct(1), second.predictions.correct(1)
    assert list(got.variants) == ["clean", *SCORED]
    for name, held in got.variants.items():
        a, b = one[:, ALL.index(name)], other[:, ALL.index(name)]
        assert (held.only_first, held.only_second) == ((a & ~b).sum(), (b & ~a).sum())
        assert held.p == pytest.approx(
            stats.binomtest(held.only_first, held.only_first + held.only_second).pvalue, rel=1e-9
        )
        gap = a.astype(float) - b
        assert held.difference.value == pytest.approx(gap.mean(), abs=1e-10)
        assert held.difference.standard_error == pytest.approx(stats.sem(gap), rel=1e-8)
    corrected = holm(np.array([held.p for held in got.variants.values()]))
    assert [held.p_holm for held in got.variants.values()] == pytest.approx(corrected.tolist())


def test_score_differences_are_those_of_the_scores():
    first, second = result(80, seed=1), result(80, seed=2)
    got = compare(first, second)
    for field in ("score", "relative_score"):
        gap = getattr(first.scores, field).value - getattr(second.scores, field).value
        assert getattr(got, field).value == pytest.approx(gap, abs=1e-9)
    for name, held in got.distortions.items():
        gap = first.scores.distortions[name].mean.value - second.scores.distortions[name].mean.value
        assert held.value == pytest.approx(gap, abs=1e-9)


def test_the_p_values_of_means_are_those_of_a_z_test_corrected_together():
    got = compare(result(80, seed=1), result(80, seed=2))
    held = {"score": got.score, "relative_score": got.relative_score} | got.distortions
    p = [2 * stats.norm.sf(abs(one.value) / one.standard_error) for one in held.values()]
    assert list(got.means_p_holm) == list(held)
    assert list(got.means_p_holm.values()) == pytest.approx(holm(np.array(p)).tolist(), rel=1e-6)
    for name, one in held.items():
        if not one.low <= 0 <= one.high:
            assert normal_p(one) < 0.05, name
    assert compare(result(1), result(1)).means_p_holm == {}


def test_the_bootstrap_agrees_with_the_paired_errors():
    n = 300
    first = random_predictions(n, seed=1)
    # The second model agrees with the first on most images, so that pairing matters.
    mixed = first.true_rank.copy()
    mixed[::3] = random_predictions(n, seed=2).true_rank[::3]
    labels, sides = first.labels.astype(int), first.short_sides
    second = Predictions.from_columns(columns(mixed, labels=labels, short_sides=sides))
    got = compare(Result.of(run(), first), Result.of(run(), second))
    generator = np.random.default_rng(0)
    rows = generator.integers(0, n, (3000, n))
    distortions = sorted({name.partition("-")[0] for name in SCORED})
    scores, relative = [], []
    for held in (first, second):
        correct = held.correct(1)
        levels = [
            correct[:, [ALL.index(v) for v in SCORED if v.startswith(f"{d}-")]].mean(axis=1)
            for d in distortions
        ]
        scores.append(np.mean(levels, axis=0)[rows].mean(axis=1))
        relative.append(scores[-1] / correct[:, 0][rows].mean(axis=1))
    error = (scores[0] - scores[1]).std()
    assert got.score.standard_error == pytest.approx(error, rel=0.05)
    error = (relative[0] - relative[1]).std()
    assert got.relative_score.standard_error == pytest.approx(error, rel=0.05)
    alone = Result.of(run(), first).scores.score.standard_error
    assert got.score.standard_error < alone


def test_a_model_does_not_differ_from_itself():
    got = compare(result(20), result(20))
    assert (got.score.value, got.score.low, got.score.high) == (0, 0, 0)
    assert {held.p_holm for held in got.variants.values()} == {1}
    assert got.warnings == ()


def test_turned_round_the_signs_turn():
    there, back = compare(result(seed=1), result(seed=2)), compare(result(seed=2), result(seed=1))
    assert there.score.value == -back.score.value
    assert there.score.low == -back.score.high
    for name, held in there.variants.items():
        assert held.p_holm == back.variants[name].p_holm
        assert held.only_first == back.variants[name].only_second


def test_a_comparison_is_json():
    got = compare(result(seed=1), result(seed=2))
    assert Comparison.model_validate_json(got.model_dump_json()) == got


def test_only_what_both_have_is_compared():
    blur = ("clean", *(name for name in ALL if name.startswith("blur")))
    got = compare(result(30), result(30, blur))
    assert list(got.variants) == list(blur)
    assert got.score is got.relative_score is got.distortions["jpeg"] is None
    assert got.distortions["blur"] is not None
    nothing = compare(result(30, ("jpeg-10",)), result(30, ("blur-1",)))
    assert nothing.variants == {}


@pytest.mark.parametrize(
    ("noun", "changes"),
    [
        ("dataset versions", {"dataset_version": "1.1.0"}),
        ("specifications", {"specification_digest": "d" * 64}),
        ("source photographs", {"source_digest": "d" * 64}),
        ("source photographs", {"source_digest": None}),
        ("subsets", {"subset": "mini"}),
    ],
)
def test_results_on_other_data_are_refused(noun, changes):
    with pytest.raises(EntryError, match=f"of different {noun}") as refused:
        compare(result(), result(**changes))
    assert "\n" not in str(refused.value)


def test_results_on_other_images_are_refused():
    with pytest.raises(EntryError, match=r"different photographs \(30 and 20\)"):
        compare(result(30), result(20))
    rank = np.ones((30, 52), int)
    for changes in ({"labels": np.arange(30)}, {"short_sides": np.full(30, 9)}):
        other = Result.of(run(), Predictions.from_columns(columns(rank, **changes)))
        with pytest.raises(EntryError, match="different photographs"):
            compare(result(30), other)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"precision": "bf16"}, ["different precisions: fp32 and bf16"]),
        ({"versions": {"Pillow": "13.0.0"}}, ["Pillow 12.1.0 and 13.0.0 resize"]),
        ({"versions": {}}, ["Pillow 12.1.0 and unknown resize"]),
        ({"versions": {"Pillow": "10.4.0"}}, []),
        ({"versions": {"Pillow": "²"}}, ["Pillow 12.1.0 and ² resize"]),
    ],
)
def test_other_arithmetic_is_a_warning(changes, expected):
    warnings = compare(result(), result(**changes)).warnings
    assert len(warnings) == len(expected)
    for warning, start in zip(warnings, expected, strict=True):
        assert warning.startswith(start)
