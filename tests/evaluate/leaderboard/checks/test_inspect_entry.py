"""Whatever is changed in a valid entry is found, and said where."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_entries import change_json, honest, honest_columns, replace_predictions
from fake_predictions import ALL
from imagenetq.entry import Entry, read_entry
from imagenetq.evaluate.leaderboard.checks.inspect_entry import (
    contradictions,
    inspect,
    other_label_findings,
)
from imagenetq.evaluate.results.labels import Labels, with_labels
from imagenetq.predictions import Predictions

N = 12
HONEST = honest(N)
DATA: dict[str, Any] = json.loads(HONEST.entry.to_json())


def places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the numbers of JSON data are."""
    if isinstance(data, dict):
        return [found for key in data for found in places(data[key], (*place, key))]
    if isinstance(data, list):
        return [found for i, item in enumerate(data) for found in places(item, (*place, i))]
    return [place] if isinstance(data, int | float) and not isinstance(data, bool) else []


NUMBERS = places({"variants": DATA["variants"], "scores": DATA["scores"]})


def failures(folder: Path) -> list[str]:
    inspected = inspect(read_entry(folder / "entry.json"), folder / "predictions.parquet")
    return [finding.text for finding in inspected.findings if finding.level == "FAIL"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("entry")
    HONEST.write(path)
    return path


def test_an_honest_entry_has_no_contradiction(folder):
    assert failures(folder) == []


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NUMBERS), st.sampled_from([-1, 1]), st.sampled_from([1, 3]))
def test_any_changed_count_or_score_is_named(place, sign, size):
    data = copy.deepcopy(DATA)
    *parents, last = place
    held = data
    for part in parents:
        held = held[part]
    held[last] += sign * (size if isinstance(held[last], int) else size * 1e-6)
    try:
        changed = Entry.model_validate_json(json.dumps(data))
    except ValueError:
        # Counts that are not nested, and shares above 1, are no entry at all.
        return
    (finding,) = contradictions(changed, HONEST.predictions)
    assert finding.level == "FAIL"
    assert finding.text.startswith(f"entry.json: {'.'.join(map(str, place))} is ")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, N - 1), st.sampled_from(ALL), st.booleans())
def test_any_changed_answer_is_found(tmp_path_factory, image, variant, admit):
    columns = honest_columns(N)
    row = image * len(ALL) + ALL.index(variant)
    right = columns["true_rank"][row] == 1
    label = columns["label"][row]
    columns["true_rank"][row] = 900 if right else 1
    columns["top5_class"][row] = (label + (1 if right else 0) + np.arange(5)) % 1000
    columns["true_probability"][row] = 0 if right else 0.5
    changed = tmp_path_factory.mktemp("changed")
    HONEST.write(changed)
    replace_predictions(changed, Predictions.from_columns(columns), admit=admit)
    found = failures(changed)
    if not admit:
        assert len(found) == 1
        assert "not the predictions of this entry" in found[0]
        return
    assert found[0].startswith(f"entry.json: variants.{variant}.correct_top1 is ")
    assert len(found) <= 7


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_any_changed_byte_of_the_predictions_is_found(tmp_path_factory, share, change):
    changed = tmp_path_factory.mktemp("changed")
    HONEST.write(changed)
    content = bytearray((changed / "predictions.parquet").read_bytes())
    content[int(share * len(content))] ^= change
    (changed / "predictions.parquet").write_bytes(content)
    (found,) = failures(changed)
    assert "not the predictions of this entry" in found


@pytest.mark.parametrize("place", range(0, 64, 9))
def test_any_changed_digit_of_the_hash_is_found(tmp_path, place):
    HONEST.write(tmp_path)
    digest = DATA["predictions_sha256"]
    other = digest[:place] + ("0" if digest[place] != "0" else "1") + digest[place + 1 :]
    change_json(tmp_path / "entry.json", lambda data: data.update(predictions_sha256=other))
    assert failures(tmp_path) == [
        f"predictions.parquet: its SHA-256 is {digest[:12]}, but entry.json says {other[:12]}: "
        "not the predictions of this entry"
    ]


@pytest.mark.parametrize("field", ["specification_digest", "dataset_version"])
def test_another_identity_of_the_dataset_is_found(tmp_path, field):
    HONEST.write(tmp_path)
    other = {"specification_digest": "0" * 64, "dataset_version": "1.0.1"}[field]
    change_json(tmp_path / "entry.json", lambda data: data.update({field: other}))
    assert len(failures(tmp_path)) == 1


def test_many_wrong_numbers_are_counted():
    found = contradictions(HONEST.entry, honest(N, seed=1).predictions)
    assert len(found) == 6
    assert found[0].text.startswith("entry.json: variants.clean.correct_top1 is ")
    assert found[-1].text.endswith("more numbers are wrong")
    missing = Predictions.from_columns(
        {
            name: [value for value, held in zip(values, is_held(), strict=True) if held]
            for name, values in honest_columns(N).items()
        }
    )
    assert "variants.blur-9 is something, but the predictions give absent" in " ".join(
        finding.text for finding in contradictions(HONEST.entry, missing)
    )


def is_held() -> list[bool]:
    return [name != "blur-9" for name in ALL] * N


def test_accuracies_by_other_labels_are_recomputed_where_the_labels_are_at_hand(tmp_path):
    predictions = HONEST.predictions
    held = {image_id: [7] for image_id in predictions.image_ids[:5]}
    (tmp_path / "real.json").write_text(json.dumps(held))
    labels = Labels.read(tmp_path / "real.json")
    scores = labels.of(predictions).scores()
    honest_entry = with_labels(HONEST.entry, scores)
    assert list(other_label_findings(honest_entry, predictions, labels)) == []
    (unknown,) = other_label_findings(honest_entry, predictions, None)
    assert unknown.level == "WARN"
    assert f"give --labels FILE with the SHA-256 {scores.sha256[:12]}" in unknown.text
    better = scores.model_copy(update={"other": scores.own})
    (wrong,) = other_label_findings(with_labels(HONEST.entry, better), predictions, labels)
    assert wrong.level == "FAIL"
    assert "the accuracies by real.json are not what the predictions give" in wrong.text
    assert list(other_label_findings(HONEST.entry, predictions, labels)) == []
