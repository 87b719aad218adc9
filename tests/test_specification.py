import hashlib
import json
import re

import pytest

from imagenetq.distortions import DISTORTIONS
from imagenetq.errors import UsageError
from imagenetq.specification import (
    DATASET_VERSION,
    LADDERS,
    SPECIFICATION_VERSION,
    canonical_json,
    ladder,
    scored_variants,
    select_variants,
    specification,
    specification_digest,
    variant,
    variants,
)

DIGEST = "358202a46c8017ab02578498079f85966faf1012e60ef2737550d58833bf89ca"


def test_digest_is_pinned():
    # A released specification never changes: a new digest needs a new version.
    assert (SPECIFICATION_VERSION, DATASET_VERSION) == ("1.0", "1.0.0")
    assert specification_digest() == DIGEST


def test_canonical_json_is_canonical():
    text = canonical_json()
    assert text.isascii()
    assert json.loads(text) == specification()
    again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert again == text
    assert hashlib.sha256(text.encode()).hexdigest() == DIGEST


def test_names_read_as_one_would_say_them():
    tenths = ["1.0", "0.9", "0.8", "0.7", "0.6", "0.5", "0.4", "0.3", "0.2", "0.1", "0.0"]
    expected = [
        "clean",
        *(f"blur-{sigma}" for sigma in range(1, 10)),
        *(f"noise-{sigma}" for sigma in range(10, 101, 10)),
        *(f"contrast-{factor}" for factor in tenths),
        *(f"jpeg-{quality}" for quality in (20, 18, 16, 14, 12, 10, 8, 6, 4, 2)),
        *(f"jpeg2000-{psnr}" for psnr in (40, 38, 36, 34, 32, 30, 28, 26, 24, 22, 20)),
    ]
    assert [v.name for v in variants()] == expected
    assert len(expected) == 52


def test_scores_leave_out_the_clean_copy_and_chance():
    names = [v.name for v in scored_variants()]
    left_out = {"clean", "contrast-1.0", "contrast-0.0"}
    assert len(names) == 49
    assert names == [v.name for v in variants() if v.name not in left_out]
    assert specification()["scored"] == names


def test_levels_count_from_one():
    assert variants()[0].level == 0
    for rungs in LADDERS:
        ours = [v for v in variants() if v.distortion == rungs.distortion]
        assert [v.level for v in ours] == list(range(1, len(rungs.values) + 1))
        assert [v.value for v in ours] == list(rungs.values)
        assert {v.parameter for v in ours} == {rungs.parameter}


def test_every_ladder_has_its_distortion():
    assert list(DISTORTIONS) == [rungs.distortion for rungs in LADDERS]


@pytest.mark.parametrize("name", [v.name for v in variants()])
def test_variant_is_found_by_its_name(name):
    assert variant(name).name == name


@pytest.mark.parametrize(
    ("look_up", "wrong", "near"),
    [
        (variant, "jpg-10", "jpeg-10"),
        (variant, "contrast-.3", "contrast-0.3"),
        (variant, "blur_3", "blur-3"),
        (ladder, "blurr", "blur"),
        (ladder, "jpeg200", "jpeg2000"),
        (lambda name: select_variants([name]), "noice", "noise"),
    ],
)
def test_unknown_name_suggests_near_ones(look_up, wrong, near):
    with pytest.raises(UsageError, match=f"did you mean .*{re.escape(near)}") as caught:
        look_up(wrong)
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hopeless_name_lists_what_is_known():
    with pytest.raises(UsageError, match="known: clean, blur-1"):
        variant("zzz")


def test_selection_takes_variants_and_whole_distortions_each_once():
    chosen = [v.name for v in select_variants(["jpeg-10", "blur", "blur-3", "clean", "jpeg-10"])]
    assert chosen == ["clean", *(f"blur-{sigma}" for sigma in range(1, 10)), "jpeg-10"]


def test_empty_selection_is_refused():
    with pytest.raises(UsageError, match="no variants named"):
        select_variants([])
