import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imagenetq import classes
from imagenetq.errors import PredictionsError, SourceError, UsageError
from imagenetq.manifest import BadImageNote
from imagenetq.predictions_check import Coded, arrange
from imagenetq.selection import SourceImage, image_id_of, is_image_id, rank_key, select

WNIDS = classes.wnids()


def source(n_classes: int, per_class: int) -> list[SourceImage]:
    """A source in an order of its own."""
    images = [
        SourceImage(f"val_{label:04d}_{i:02d}", wnid, f"{wnid}/val_{label:04d}_{i:02d}.JPEG")
        for i in range(per_class)
        for label, wnid in enumerate(WNIDS[:n_classes])
    ]
    return sorted(images, key=lambda image: hashlib.md5(image.name.encode()).digest())


def test_images_are_ranked_by_the_hash_of_their_id():
    images = source(3, 50)
    chosen = select(images, "full").images
    for wnid in WNIDS[:3]:
        ids = [image.image_id for image in images if image.wnid == wnid]
        key = {i: hashlib.sha256(f"imagenet-q/1/{i}".encode()).hexdigest() for i in ids}
        assert {i: rank_key(i) for i in ids} == key
        ours = [image for image in chosen if image.wnid == wnid]
        assert [image.image_id for image in ours] == sorted(ids, key=key.__getitem__)[:10]
        assert [image.rank for image in ours] == list(range(10))


def test_full_has_ten_images_of_each_class_and_mini_is_its_prefix():
    images = source(1000, 12)
    full, mini = select(images, "full"), select(images, "mini")
    assert (len(full.images), len(mini.images)) == (10_000, 1_000)
    assert full.images[:1000] == mini.images
    assert full.absent == mini.absent == ()
    assert full.short == mini.short == {}


@pytest.mark.parametrize("length", [1, 7, 30, 31, 95, 299])
def test_any_prefix_is_balanced(length):
    counts = Counter(image.wnid for image in select(source(30, 11), "full").images[:length])
    every = [counts[wnid] for wnid in WNIDS[:30]]
    assert max(every) - min(every) <= 1


def test_rows_are_ordered_by_rank_then_wnid():
    chosen = select(source(20, 10), "full").images
    order = [(image.rank, image.wnid) for image in chosen]
    assert order == sorted(order)


@given(st.permutations(source(4, 11)))
def test_order_of_the_source_does_not_matter(images):
    assert select(images, "full") == select(source(4, 11), "full")


def test_sample_takes_all():
    images = [*source(2, 3), SourceImage("extra", WNIDS[5], "extra.jpg")]
    chosen = select(images, "sample")
    assert len(chosen.images) == 7
    assert chosen.short == {}


def test_names_stay_with_their_ids():
    images = source(3, 10)
    expected = {image.image_id: (image.wnid, image.name) for image in images}
    chosen = select(images, "full").images
    assert {image.image_id: (image.wnid, image.name) for image in chosen} == expected


def test_duplicate_ids_are_refused_with_both_names():
    twins = [SourceImage("a", WNIDS[0], "x/a.jpg"), SourceImage("a", WNIDS[1], "y/a.png")]
    with pytest.raises(SourceError, match=r"x/a\.jpg and y/a\.png"):
        select(twins, "sample")


def test_the_same_image_listed_twice_is_a_duplicate():
    image = SourceImage("a", WNIDS[0], "x/a.jpg")
    with pytest.raises(SourceError, match="remove one"):
        select([image, SourceImage("a", WNIDS[0], "x/a.jpg")], "sample")


def test_unknown_class_is_refused():
    with pytest.raises(SourceError, match=r"x/a\.jpg: 'n99999999'"):
        select([SourceImage("a", "n99999999", "x/a.jpg")], "sample")


def test_empty_source_is_refused():
    with pytest.raises(SourceError, match="no photographs"):
        select([], "mini")


def test_unknown_subset_is_refused():
    with pytest.raises(UsageError, match="full, mini, sample"):
        select(source(1, 1), "huge")


def test_short_class_is_refused_or_recorded():
    images = [*source(2, 10), *(SourceImage(f"s{i}", WNIDS[7], f"s{i}") for i in range(4))]
    with pytest.raises(SourceError, match=f"{WNIDS[7]} has 4"):
        select(images, "full")
    chosen = select(images, "full", allow_short=True)
    assert chosen.short == {WNIDS[7]: 4}
    assert len(chosen.images) == 24
    assert select(images, "mini").short == {}


def test_absent_classes_are_recorded():
    chosen = select(source(998, 1), "mini")
    assert chosen.absent == WNIDS[998:]


@pytest.mark.parametrize(
    ("stem", "image_id"),
    [
        ("ILSVRC2012_val_00000293_n01440764", "ILSVRC2012_val_00000293"),
        ("ILSVRC2012_val_00000293", "ILSVRC2012_val_00000293"),
        ("a_n0144076", "a_n0144076"),
        ("a_n014407641", "a_n014407641"),
        ("n01440764_18", "n01440764_18"),
        ("a_n01440764_n01440765", "a_n01440764"),
    ],
)
def test_hub_suffix_is_dropped(stem, image_id):
    assert image_id_of(stem) == image_id


@pytest.mark.parametrize("image_id", ["", "a\tb", "a\nb", "a\udcff", "x" * 201])
def test_what_is_no_id_is_refused_alike_at_every_border(image_id):
    assert not is_image_id(image_id)
    name = f"n01440764/{image_id}.JPEG"
    with pytest.raises(SourceError, match=r"1 to 200 printable characters; rename the f") as caught:
        select([SourceImage(image_id, "n01440764", name)], "mini")
    str(caught.value).encode()
    with pytest.raises(PredictionsError, match="is no image id"):
        arrange(Coded.of([image_id]), Coded.of(["clean"]), "predictions")
    note = {"image_id": image_id, "wnid": "n01440764", "reason": "cut"}
    with pytest.raises(ValidationError, match="no image id"):
        BadImageNote.model_validate(note)


@pytest.mark.parametrize("image_id", ["x" * 200, "ILSVRC2012_val_00000293", "a b", "\u00e9"])
def test_an_id_that_a_source_may_have_is_one_for_predictions(image_id):
    assert select([SourceImage(image_id, "n01440764", "x")], "mini").images[0].image_id == image_id
    assert arrange(Coded.of([image_id]), Coded.of(["clean"]), "x").image_ids == (image_id,)
