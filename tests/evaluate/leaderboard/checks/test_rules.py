"""What an entry must be, and what its reader is told."""

from collections.abc import Iterable

import numpy as np
import pytest

from fake_entries import honest
from fake_predictions import columns, result, run
from imagenetq import classes
from imagenetq.entry import LeftOut
from imagenetq.evaluate.leaderboard.checks.findings import Finding
from imagenetq.evaluate.leaderboard.checks.rules import (
    entry_conditions,
    label_conditions,
    subset_conditions,
)
from imagenetq.evaluate.results.registered_sources import KnownSource
from imagenetq.predictions import Predictions


def said(findings: Iterable[Finding]) -> list[str]:
    return [f"{finding.level}: {finding.text}" for finding in findings]


def with_model(**changes: object) -> dict[str, object]:
    return {"model": run().model.model_copy(update=changes)}


def test_an_honest_entry_meets_all_conditions():
    assert said(entry_conditions(honest(3).entry)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"specification_digest": "b" * 64}, "FAIL: of a specification (bbbbbbbbbbbb) that this"),
        ({"dataset_version": "9.9.9"}, "FAIL: dataset version 9.9.9 has another specification"),
        (with_model(weights_sha256=None), "FAIL: model.weights_sha256 is absent"),
        (with_model(preprocessing={}), "FAIL: model.preprocessing is not recorded"),
        (with_model(preprocessing={"callable": "a.b"}), "WARN: the preprocessing is the model's"),
        ({"code_commit": "a" * 40 + "-dirty"}, "WARN: evaluated with changed code (aaaaaaaaaaaa-d"),
        ({"warnings": ("too low",)}, "WARN: the evaluation warned: too low"),
        (
            with_model(arguments={"weights_only": False}),
            "WARN: not run again from what it says: its argument 'weights_only' is no plain value",
        ),
        (
            with_model(name="python/mine:net", arguments={}),
            "WARN: not run again from what it says: its name 'python/mine:net' may load code or f",
        ),
        (
            {"bad_images": (LeftOut(image_id="a", wnid="n01440764", reason="cut"),)},
            "WARN: photograph 'a' is left out as bad",
        ),
    ],
    ids=range(10),
)
def test_each_condition_is_said(changes, expected):
    (line,) = said(entry_conditions(honest(3, **changes).entry))
    assert line.startswith(expected)


def test_a_baseline_has_no_weights():
    model = with_model(name="baseline/nearest", weights_sha256=None, arguments={})
    assert said(entry_conditions(honest(3, **model).entry)) == []


def test_a_variant_that_is_missing_is_named():
    (line,) = said(
        entry_conditions(
            result(
                3,
                ("clean", "blur-1"),
                specification_digest=honest(1).entry.specification_digest,
                warnings=(),
            ).entry
        )
    )
    assert line == "FAIL: lacks 50 of 52 variants (blur-2); evaluate all"


def test_a_subset_has_so_many_images_of_a_class():
    twins = Predictions.from_columns(columns(np.ones((2, 52), int), labels=np.array([5, 5])))
    (line,) = said(subset_conditions(honest(2).entry, twins))
    assert line == (
        f"FAIL: subset mini has 1 photograph of a class, but there are 2 of {classes.wnids()[5]}"
    )
    assert said(subset_conditions(honest(2, subset="full").entry, twins)) == []
    assert said(subset_conditions(honest(2, subset="sample").entry, twins)) == []
    assert said(subset_conditions(honest(2, subset=None).entry, twins)) == []


def test_images_and_labels_are_those_of_the_source():
    given = honest(3).predictions
    true = {
        image_id: classes.wnids()[label]
        for image_id, label in zip(given.image_ids, given.labels.tolist(), strict=True)
    }
    one, two, three = given.image_ids
    other = classes.wnids()[999]

    def found(source: dict[str, str]) -> list[str]:
        return said(label_conditions(KnownSource("c" * 64, source), "the source", given))

    assert found(true) == []
    assert found({one: true[one], two: true[two]}) == [
        f"FAIL: photograph '{three}' is not in the source; evaluate on that"
    ]
    assert found({one: true[one]}) == [
        f"FAIL: '{two}' and 1 more photographs are not in the source; evaluate on that"
    ]
    assert found(true | {"more": other}) == [
        "FAIL: photograph 'more' is in the source but not answered; evaluate without limit"
    ]
    assert found(true | {two: other}) == [
        f"FAIL: photograph '{two}' is of another class: {true[two]}, but {other} in the source"
    ]
