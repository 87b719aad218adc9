"""A stream gives every photograph in every variant once, whoever reads it, and goes on."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from imagenetq import render
from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.errors import BadImage, UsageError
from imagenetq.torch import VariantStream

VARIANTS = ["clean", "blur-1", "noise-50", "jpeg-10", "jpeg2000-28"]


@pytest.fixture(scope="module")
def folder(photograph: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures of one size in two folders. Not to be changed."""
    root = tmp_path_factory.mktemp("stream")
    for number in range(7):
        path = root / f"part{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        photograph.crop((9 * number, 9, 9 * number + 20, 25)).save(path)
    return root


def names(items: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["image_id"], item["variant"]) for item in items]


def names_of_batches(batches: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        pair for batch in batches for pair in zip(batch["image_id"], batch["variant"], strict=True)
    ]


def expected(folder: Path) -> list[tuple[str, str]]:
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    return [(path, name) for path in paths for name in VARIANTS]


def test_a_folder_in_order_has_the_pixels_of_render(folder: Path) -> None:
    stream = VariantStream(folder, VARIANTS)
    items = list(stream)
    assert names(items) == expected(folder)
    assert [item["index"] for item in items] == list(range(stream.n_images))
    for item in items:
        clean = decode((folder / item["image_id"]).read_bytes(), item["image_id"])
        pixels = render(clean, item["variant"], image_id=item["image_id"])
        assert np.array_equal(item["image"].numpy(), pixels.transpose(2, 0, 1))
        assert "label" not in item


def test_a_source_has_labels_and_the_ids_of_the_dataset(make_source, tmp_path: Path) -> None:
    source = open_source(make_source(tmp_path / "images", 3))
    stream = VariantStream(source, ["noise-50"], transform=np.asarray)
    items = list(stream)
    assert [item["label"] for item in items] == [0, 1, 2]
    for item, image in zip(items, source.images(), strict=True):
        clean = decode(source.read(image), image.name)
        assert item["image_id"] == image.image_id
        assert np.array_equal(item["image"], render(clean, "noise-50", image_id=image.image_id))


def test_shuffled_by_seed_and_epoch(folder: Path) -> None:
    stream = VariantStream(folder, VARIANTS, seed=3)
    first = names(stream)
    assert first != expected(folder)
    assert sorted(first) == sorted(expected(folder))
    assert names(VariantStream(folder, VARIANTS, seed=3)) == first
    assert names(VariantStream(folder, VARIANTS, seed=4)) != first
    stream.set_epoch(1)
    assert sorted(second := names(stream)) == sorted(first)
    assert second != first
    stream.set_epoch(0)
    assert names(stream) == first


@pytest.mark.parametrize("seed", [None, 3])
def test_each_pair_once_over_workers_and_ranks(
    folder: Path, seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    given = []
    for rank, workers in ((0, 2), (1, 0)):
        monkeypatch.setenv("RANK", str(rank))
        stream = VariantStream(folder, VARIANTS, seed=seed)
        assert stream.world_size == 2
        given += names_of_batches(DataLoader(stream, batch_size=4, num_workers=workers))
    assert Counter(given) == Counter(expected(folder))


def test_it_resumes_with_another_number_of_workers(folder: Path) -> None:
    stream = VariantStream(folder, VARIANTS, seed=3)
    used = []
    for number, batch in enumerate(DataLoader(stream, batch_size=4, num_workers=2)):
        if number == 3:
            break  # Read, but not used.
        used.append(batch)
        stream.advance(batch["index"])
    state = json.loads(json.dumps(stream.state_dict()))
    resumed = VariantStream(folder, VARIANTS, seed=3)
    resumed.load_state_dict(state)
    rest = list(DataLoader(resumed, batch_size=5))
    assert len(names_of_batches(used)) == 12
    assert Counter(names_of_batches(used + rest)) == Counter(expected(folder))
    for batch in rest:
        resumed.advance(batch["index"])
    assert (resumed.epoch, resumed.state_dict()["done"]) == (1, [])
    stream.set_epoch(1)
    assert names(resumed) == names(stream)


def test_persistent_workers_follow_the_epoch(folder: Path) -> None:
    stream = VariantStream(folder, ["clean"], seed=3)
    stream.advance([0, 1])
    loader = DataLoader(stream, batch_size=2, num_workers=1, persistent_workers=True)
    n_given = []
    for _ in range(3):
        batches = list(loader)
        n_given.append(sum(len(batch["index"]) for batch in batches))
        for batch in batches:
            stream.advance(batch["index"])
    assert n_given == [5, 7, 7]
    assert stream.epoch == 3


def test_what_does_not_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    stream = VariantStream(folder, ["clean"], seed=3)
    for other in ({"seed": 4}, {"variants": ["blur-1"]}, {"rank": 0, "world_size": 2}):
        options = {"variants": ["clean"], "seed": 3} | other
        with pytest.raises(UsageError, match="the state is of another"):
            VariantStream(folder, **options).load_state_dict(stream.state_dict())
    with pytest.raises(UsageError, match="state is damaged"):
        stream.load_state_dict(stream.state_dict() | {"done": [[0, 99]]})
    with pytest.raises(UsageError, match="outside of 0 to 6, the items of rank 0 of 1"):
        stream.advance(torch.tensor([7]))
    with pytest.raises(UsageError, match="no rank 2 of 2; ranks count from 0"):
        VariantStream(folder, ["clean"], rank=2, world_size=2)
    with pytest.raises(UsageError, match="no such folder"):
        VariantStream(tmp_path / "nowhere", ["clean"])
    with pytest.raises(UsageError, match="no variant or distortion 'blurr'"):
        VariantStream(folder, ["blurr"])
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(BadImage, match=r"a\.jpg: not one of JPEG"):
        list(VariantStream(tmp_path, ["clean"]))
