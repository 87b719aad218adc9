"""Rankings by hand: what is told apart is ranked, what is not is said to be tied."""

import numpy as np
import pytest
from scipy import stats

from fake_predictions import ALL, columns, random_predictions, result, run
from imagenetq.evaluate import Result
from imagenetq.evaluate.report.conclusions import Findings, _p, findings
from imagenetq.evaluate.report.conclusions_text import to_markdown
from imagenetq.evaluate.results.statistics import Statistic, mean
from imagenetq.predictions import Predictions


def falling(lost: dict[str, float], n: int = 400, name: str = "a/b", seed: int = 0) -> Result:
    """Answers that are right on clean, and wrong on a share of each distortion's images."""
    generator = np.random.default_rng(seed)
    rank = np.ones((n, len(ALL)), int)
    for i, variant in enumerate(ALL):
        share = lost.get(variant.partition("-")[0], 0.0)
        rank[generator.random(n) < share, i] = 9
    model = run().model.model_copy(update={"name": name})
    return Result.of(run(model=model), Predictions.from_columns(columns(rank)))


LOST = {"blur": 0.7, "noise": 0.7, "contrast": 0.1, "jpeg": 0.3, "jpeg2000": 0.5}


def places(found):
    (network,) = found.networks
    return {s.distortion: (s.first_place, s.last_place) for s in network.sensitivities}


def test_what_is_told_apart_is_ranked_and_ties_share_places():
    found = findings([falling(LOST)])
    assert places(found) == {
        "blur": (1, 2),
        "noise": (1, 2),
        "jpeg2000": (3, 3),
        "jpeg": (4, 4),
        "contrast": (5, 5),
    }
    text = to_markdown(found)
    assert "a/b is most sensitive to" in text
    assert "between which these photographs do not tell." in text
    assert "| Contrast | 5 | " in text


def test_few_images_tell_nothing_apart():
    found = findings([falling(LOST, n=3)])
    assert set(places(found).values()) == {(1, 5)}
    assert "these photographs tell no distortion apart as the worst" in to_markdown(found)
    one = findings([falling(LOST, n=1)])
    assert set(places(one).values()) == {(1, 5)}


def test_the_shares_left_are_means_over_scored_levels_by_clean():
    held = result(60)
    (network,) = findings([held]).networks
    scores = held.scores
    for share in network.sensitivities:
        mean = scores.distortions[share.distortion].mean.value
        assert share.relative.value == pytest.approx(
            mean / scores.variants["clean"].top1.value, rel=1e-8
        )
    values = [share.relative.value for share in network.sensitivities]
    assert values == sorted(values)
    assert network.falls == {
        name: distortion.falls_to_90 for name, distortion in scores.distortions.items()
    }


def test_p_values_are_students_and_no_smaller_than_a_sign_tests():
    values = np.random.default_rng(3).normal(0.2, 1, 40)
    expected = stats.ttest_1samp(values, 0).pvalue
    assert _p(mean(values)) == pytest.approx(expected, rel=1e-6)
    assert _p(Statistic(1.0, np.zeros(5))) == 2**-4
    assert _p(Statistic(1.0, np.array([1e-9, -1e-9] * 3))) == 2**-5
    assert _p(Statistic(0.0, np.zeros(5))) == 1
    assert _p(Statistic(1.0, np.zeros(1))) == 1


def test_networks_are_compared_in_pairs():
    weak, strong = falling(LOST, name="a/weak"), falling({"blur": 0.2}, name="a/strong", seed=1)
    same = falling({"blur": 0.2}, name="a/same", seed=2)
    found = findings([weak, strong, same])
    told = {(pair.first, pair.second): pair.is_told_apart for pair in found.pairs}
    assert len(told) == 3
    assert told["a/strong", "a/weak"]
    assert told["a/same", "a/weak"]
    (tied,) = [pair for pair in found.pairs if "a/weak" not in (pair.first, pair.second)]
    assert not tied.is_told_apart
    text = to_markdown(found)
    assert "a/strong keeps more of its accuracy than a/weak: +" in text
    assert "are not told apart: " in text
    assert "Whether deeper networks are more robust cannot be said" in text


def test_depth_is_judged_only_where_it_is_known(results, tiny):
    found = findings(results, [tiny])
    first, second = found.networks
    assert (first.convolutional, first.fully_connected, first.layers) == (1, 1, 2)
    assert second.layers is None
    text = to_markdown(found)
    assert "| 1 + 1 |" in text
    assert "| not known |" in text
    assert found.demonstration.startswith("A demonstration on 9 photographs")


def test_what_was_not_evaluated_whole_is_not_ranked():
    half = findings([result(20, ("clean", "blur-3"))])
    assert half.networks[0].sensitivities == ()
    assert half.pairs == ()
    text = to_markdown(half)
    assert "no distortion was evaluated whole, with clean." in text
    assert "| timm/made\\_up | - | - | - | - | - |" in text
    blur = findings([result(20, ("clean", *(v for v in ALL if v.startswith("blur"))))])
    assert places(blur) == {"blur": (1, 1)}
    assert "Only Blur was evaluated whole." in to_markdown(blur)


def test_falls_off_the_ladder_are_said_in_words():
    text = to_markdown(findings([falling({"blur": 0.2, "jpeg": 0.9, "jpeg2000": 0.9})]))
    (line,) = [line for line in text.splitlines() if line.startswith("| a/b | 0.")]
    assert line.split(" | ")[2:] == [
        "not up to 100",
        "not down to 0.1",
        "milder than 20",
        "milder than 40 |",
    ]


def test_warnings_of_entries_and_between_them_are_kept():
    found = findings([result(9), result(9, precision="bf16", seed=1)])
    assert "timm/made_up (fp32): clean accuracy is far below the published one" in found.warnings
    assert found.warnings[-1].endswith("different precisions: fp32 and bf16")
    assert "## Warnings" in to_markdown(found)


def test_findings_are_json():
    found = findings([result(9)])
    assert Findings.model_validate_json(found.model_dump_json()) == found


def test_the_order_of_images_does_not_matter():
    predictions = random_predictions(40)
    table = predictions.table().to_pydict()
    back = {name: values[::-1] for name, values in table.items()}
    turned = Result.of(run(), Predictions.from_columns(back))
    assert findings([turned]) == findings([Result.of(run(), predictions)])
