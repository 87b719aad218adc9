"""Which entries have a rank, and why others have none."""

import pytest

from fake_predictions import result
from imagenetq.evaluate.results import standing
from imagenetq.evaluate.results.standing import demonstration, why_unranked
from imagenetq.specification import variants

REGISTERED = "c" * 64
ALL = tuple(variant.name for variant in variants())


def test_a_source_is_ranked_a_known_demonstration_or_unknown(monkeypatch):
    assert demonstration(REGISTERED, "full") == "its source (cccccccccccc) is not registered"
    assert demonstration(None, "full") == "its source is not known"
    assert demonstration(None, "sample") == "the embedded sample photographs, not ImageNet"
    monkeypatch.setattr(standing, "demonstration_of", lambda _: "three cats")
    assert why_unranked(result(3, ALL).entry) == ["a demonstration: three cats"]
    monkeypatch.setattr(standing, "is_registered", lambda digest: digest == REGISTERED)
    assert demonstration(REGISTERED, "full") is None


@pytest.mark.parametrize(
    ("names", "changes", "reasons"),
    [
        (ALL, {}, []),
        (ALL, {"precision": "tf32"}, ["computed in tf32, and only fp32 is ranked"]),
        (
            ALL,
            {"subset": None, "precision": "bf16"},
            ["it names no subset", "computed in bf16, and only fp32 is ranked"],
        ),
        (("clean", "blur-1"), {}, ["it was not evaluated on all scored variants"]),
    ],
)
def test_all_reasons_are_named(monkeypatch, names, changes, reasons):
    monkeypatch.setattr(standing, "is_registered", lambda _: True)
    assert why_unranked(result(3, names, **changes).entry) == reasons
