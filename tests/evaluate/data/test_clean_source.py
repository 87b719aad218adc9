"""Clean images, rendered on the fly: the same samples as from a dataset built of them."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagenetq.builder import open_source
from imagenetq.digests import PixelLine, source_digest
from imagenetq.errors import BadImage, SourceError, UsageError
from imagenetq.evaluate.data import CleanSource, open_data
from imagenetq.record import pixel_sha256
from imagenetq.selection import SourceImage
from imagenetq.specification import select_variants, variant, variants


@pytest.fixture
def few(make_source, tmp_path: Path) -> Path:
    return make_source(tmp_path / "images", 3)


def test_a_task_is_some_images_and_all_their_variants(clean_source) -> None:
    tasks = clean_source.tasks(select_variants(["jpeg", "clean"]))
    assert [task.key[:12] for task in tasks] == [f"images-{n:05d}" for n in range(65)]
    assert [task.n_samples for task in tasks] == [2 * 11] * 65
    for task in tasks:
        assert len(pickle.dumps(task)) < 5000
        assert pickle.loads(pickle.dumps(task)) == task


def test_image_by_image_up_the_whole_ladder(few, tmp_path) -> None:
    data = CleanSource(open_source(few), originals=tmp_path, subset="mini")
    samples = [sample for task in data.tasks(data.variants) for sample in task.samples()]
    assert [sample.info.variant for sample in samples] == 3 * [v.name for v in variants()]
    for sample in samples:
        expected = pixel_sha256(sample.pixels) if sample.info.variant == "clean" else None
        assert sample.info.pixel_sha256 == expected
    assert len({sample.info.image_id for sample in samples[:52]}) == 1


def test_identity_and_the_source_digest_after_a_pass(clean_source, parquet) -> None:
    built = open_data(parquet).identity
    identity = clean_source.identity
    assert identity.source_digest is None
    assert (identity.subset, identity.n_images) == (built.subset, built.n_images)
    assert identity.specification_digest == built.specification_digest
    assert identity.dataset_version == built.dataset_version
    clean = [
        PixelLine(info.image_id, info.wnid, info.variant, info.pixel_sha256)
        for task in clean_source.tasks([variant("clean")])
        for info in (sample.info for sample in task.samples())
    ]
    assert source_digest(clean) == built.source_digest


def test_subsets(few, tmp_path) -> None:
    with pytest.raises(SourceError, match=r"subset 'full' needs 10 photographs a class"):
        CleanSource(open_source(few), originals=tmp_path)
    short = CleanSource(open_source(few), originals=tmp_path, allow_short=True)
    assert (short.identity.subset, short.identity.n_images) == ("full", 3)
    with pytest.raises(UsageError, match="that of the embedded photographs"):
        CleanSource(open_source(few), originals=tmp_path, subset="sample")
    sample = CleanSource(open_source("sample"), originals=tmp_path)
    assert (sample.identity.subset, sample.identity.n_images) == ("sample", 9)


def test_what_is_finished_is_of_these_very_images(few, tmp_path) -> None:
    def keys() -> list[str]:
        source = open_source(few)
        data = CleanSource(source, originals=tmp_path, subset="mini", skip_bad=True)
        return [task.key for task in data.tasks([variant("clean")])]

    before = keys()
    path = sorted(few.rglob("*.JPEG"))[1]
    good = path.read_bytes()
    path.write_bytes(good[:300])
    first, second = keys()
    assert first in before
    assert second not in before
    path.write_bytes(good)
    assert keys() == before


def test_an_image_that_goes_bad_meanwhile_is_named(few, tmp_path) -> None:
    path = sorted(few.rglob("*.JPEG"))[1]
    data = CleanSource(open_source(few), originals=tmp_path, subset="mini")
    tasks = data.tasks([variant("clean")])
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BadImage, match=path.name):
        [sample for task in tasks for sample in task.samples()]


@dataclass(frozen=True)
class Remote:
    """A source whose images must be fetched."""

    path: Path

    kind = "remote"
    default_subset = "mini"
    is_remote = True

    def images(self) -> Sequence[SourceImage]:
        return open_source(self.path).images()

    def fetch(self, images, folder, advance) -> None:
        for image in images:
            content = open_source(self.path).read(image)
            (folder / image.image_id).write_bytes(content)
            advance(1)

    def read(self, image: SourceImage) -> bytes:
        return (self.path.parent / "fetched" / image.image_id).read_bytes()


def test_a_remote_source_is_fetched_as_far_as_it_is_needed(few, tmp_path) -> None:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    data = CleanSource(Remote(few), originals=fetched)
    assert list(fetched.iterdir()) == []
    tasks = data.tasks([variant("clean")], limit=2)
    assert len(list(fetched.iterdir())) == 2
    assert sum(len(list(task.samples())) for task in tasks) == 2


def test_of_a_remote_source_the_first_good_ones_are_taken(few, tmp_path) -> None:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    data = CleanSource(Remote(few), originals=fetched, skip_bad=True)
    first = data.tasks([variant("clean")], limit=1)[0].images[0]
    (few / first.name).write_bytes(b"")
    for file in fetched.iterdir():
        file.unlink()
    data = CleanSource(Remote(few), originals=fetched, skip_bad=True)
    (task,) = data.tasks([variant("clean")], limit=1)
    assert task.images[0].image_id != first.image_id
    assert [note.image_id for note in data.bad_images] == [first.image_id]
    assert len(list(fetched.iterdir())) == 2
    for path in few.rglob("*.JPEG"):
        path.write_bytes(b"")
    with pytest.raises(SourceError, match="none of its photographs is good"):
        CleanSource(open_source(few), originals=tmp_path, subset="mini", skip_bad=True).tasks(
            [variant("clean")]
        )
