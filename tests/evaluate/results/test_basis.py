import json

import pytest

from fake_predictions import result
from imagenetq.errors import EntryError, UsageError
from imagenetq.evaluate import Result
from imagenetq.evaluate.results import basis as module
from imagenetq.evaluate.results.basis import (
    basis,
    demonstration,
    require_one_dataset,
    why_unranked,
)
from imagenetq.specification import variants

REGISTERED = "c" * 64
ALL = tuple(variant.name for variant in variants())


def test_no_entries_is_wrong_usage():
    with pytest.raises(UsageError, match="no entries; name results folders"):
        require_one_dataset([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset_version": "1.1.0"}, "of different dataset versions"),
        ({"specification_digest": "d" * 64}, "of different specifications"),
        ({"source_digest": "d" * 64}, "of different source photographs"),
        ({"subset": "mini"}, "of different subsets"),
    ],
)
def test_results_of_other_data_do_not_belong_together(changes, message):
    with pytest.raises(EntryError, match=message):
        require_one_dataset([result(3), result(3), result(3, **changes)])
    with pytest.raises(EntryError, match="different photographs"):
        require_one_dataset([result(3), result(4)])


def test_an_entry_that_flatters_is_refused(tmp_path):
    result(3).write(tmp_path)
    path = tmp_path / "entry.json"
    better = json.loads(path.read_text())
    better["scores"]["score"]["value"] += 0.1
    path.write_text(json.dumps(better))
    with pytest.raises(EntryError, match="scores is not what the predictions give; evaluate it"):
        require_one_dataset([Result.read(tmp_path)])


def test_the_basis_names_dataset_and_precision_and_admits_a_demonstration(monkeypatch):
    assert basis([result(30)]) == (
        "ImageNet-Q 1.0.0, subset full, 30 photographs, computed in fp32. "
        "A demonstration on 30 photographs: its source (cccccccccccc) is not registered."
    )
    assert "the embedded sample photographs, not ImageNet" in basis([result(3, subset="sample")])
    assert "no subset known" in basis([result(3, subset=None)])
    assert basis([result(1, source_digest=None)]).endswith(
        "1 photograph, computed in fp32. A demonstration on 1 photograph: its source is not known."
    )
    two = basis([result(3), result(3, precision="bf16")])
    assert "computed in fp32 (timm/made_up (fp32)), bf16 (timm/made_up (bf16))" in two
    monkeypatch.setattr(module, "is_registered", lambda digest: digest == "c" * 64)
    assert basis([result(3)]).endswith("computed in fp32.")


def test_a_source_is_ranked_a_known_demonstration_or_unknown(monkeypatch):
    assert demonstration(REGISTERED, "full") == "its source (cccccccccccc) is not registered"
    assert demonstration(None, "full") == "its source is not known"
    assert demonstration(None, "sample") == "the embedded sample photographs, not ImageNet"
    monkeypatch.setattr(module, "demonstration_of", lambda _: "three cats")
    assert why_unranked(result(3, ALL).entry) == ["a demonstration: three cats"]
    monkeypatch.setattr(module, "is_registered", lambda digest: digest == REGISTERED)
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
    monkeypatch.setattr(module, "is_registered", lambda _: True)
    assert why_unranked(result(3, names, **changes).entry) == reasons
