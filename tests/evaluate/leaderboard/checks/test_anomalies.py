"""What is odd is noticed; what chance does is not."""

import importlib.util

import numpy as np
import pytest

from fake_entries import honest
from fake_predictions import ALL, columns, run
from imagenetq.entry import VariantCounts
from imagenetq.evaluate.leaderboard.checks.anomalies import (
    clean_suspicion,
    fingerprint,
    published_top1,
    suspicions,
)
from imagenetq.evaluate.leaderboard.checks.findings import Finding
from imagenetq.predictions import Predictions

N = 60
ENTRY = honest(N).entry


def with_ranks(**ranks: int) -> Predictions:
    """All right in every variant, but for those given; contrast-0.0 is not recognised."""
    table = np.ones((N, len(ALL)), int)
    for name, rank in {
        "contrast-0.0": 900,
        **{k.replace("_", "-"): v for k, v in ranks.items()},
    }.items():
        table[:, ALL.index(name)] = rank
    return Predictions.from_columns(columns(table))


def said(predictions: Predictions) -> list[str]:
    return [finding.text for finding in suspicions(predictions)]


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_entry_is_not_suspected(seed):
    assert said(honest(N, seed).predictions) == []


def test_noise_alone_is_not_suspected():
    for seed in range(30):
        table = np.random.default_rng(seed).choice([1, 900], (N, len(ALL)))
        table[:, ALL.index("contrast-0.0")] = 900
        table[:, ALL.index("contrast-1.0")] = table[:, 0]
        assert said(Predictions.from_columns(columns(table))) == []


def test_a_stronger_distortion_that_is_easier_is_noticed():
    assert said(with_ranks(blur_3=900)) == [
        f"blur-4 is easier for it than blur-3: {N} photographs are recognised in blur-4 alone, 0 "
        "in blur-3 alone"
    ]
    found = said(with_ranks(clean=900))
    assert any(line.startswith("jpeg-2 is easier for it than clean") for line in found)


def test_the_clean_image_again_has_the_same_answers():
    (finding,) = [
        finding
        for finding in suspicions(with_ranks(**{"contrast_1.0": 2}))
        if "again" in finding.text
    ]
    assert finding.level == "FAIL"
    assert f"but {N} photographs got other answers ('ILSVRC2012_val_00000000')" in finding.text


def test_seeing_in_grey_is_noticed():
    assert f"{N} of {N} photographs are recognised in contrast-0.0" in " ".join(
        said(with_ranks(**{"contrast_0.0": 1}))
    )


def test_a_fingerprint_is_of_the_answers_alone():
    table = np.ones((3, len(ALL)), int)
    made = Predictions.from_columns(columns(table))
    surer = Predictions.from_columns(columns(table, confidence=np.full(table.shape, 0.6)))
    assert fingerprint(made) == fingerprint(surer)
    table[2, 51] = 2
    assert fingerprint(made) != fingerprint(Predictions.from_columns(columns(table)))


def test_published_figures_are_known_without_loading_anything():
    def named(name: str, **arguments: object) -> float | None:
        return published_top1(run().model.model_copy(update={"name": name, "arguments": arguments}))

    assert named("caffe/reference") == pytest.approx(0.574)
    for name in ("timm/vgg16", "python/os:system", "torchvision/../x", "caffe/x", "x", ""):
        assert named(name) is None
    if importlib.util.find_spec("torchvision"):
        assert named("torchvision/squeezenet1_0") == pytest.approx(0.58092)
        assert named("torchvision/resnet50", weights="IMAGENET1K_V1") == pytest.approx(0.7613)
        assert named("torchvision/resnet50", weights="none") is None


def test_a_clean_accuracy_far_from_the_published_one_is_noticed():
    def suspected(name: str, n_correct: int) -> list[Finding]:
        model = ENTRY.model.model_copy(update={"name": name})
        clean = VariantCounts(correct_top1=n_correct, correct_top5=n_correct, total=1000)
        entry = ENTRY.model_copy(update={"model": model, "variants": {"clean": clean}})
        return list(clean_suspicion(entry))

    assert suspected("caffe/reference", 570) == []
    (low,), (high,) = suspected("caffe/reference", 400), suspected("caffe/reference", 800)
    assert low.text.startswith(
        "clean top-1 is 40.0% on 1000 photographs, far below the 57.4% published"
    )
    assert high.text.endswith("were these photographs among those it was trained on?")
    assert suspected(ENTRY.model.name, 0) == []
    assert list(clean_suspicion(ENTRY.model_copy(update={"variants": {}}))) == []
