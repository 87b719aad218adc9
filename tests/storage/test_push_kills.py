"""Pushes to a storage killed at each of their steps: the same push completes them."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import s3fs

import killing
from imagenetq.builder import build, copy, open_source
from imagenetq.errors import FolderError, PublishError
from imagenetq.files import TEMPORARY_PREFIX
from imagenetq.retrying import StorageError
from no_workers import no_workers

pytestmark = pytest.mark.usefixtures("unverified")


@pytest.fixture(scope="module")
def built(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two small shards. Not to be changed by a test."""
    folder = tmp_path_factory.mktemp("kills")
    source = open_source(make_source(folder / "images", 2))
    with no_workers():
        build(source, folder / "q", subset="mini", only=["clean", "jpeg-10"])
    return folder / "q"


def require_all_kinds(steps: list[str], shards: list[str]) -> None:
    """Make sure that a push is hurt before, inside and between shards, and around the manifest."""
    numbers = [
        number for number, step in enumerate(steps) if "/data/" in step and "mkdir" not in step
    ]
    assert len(numbers) >= len(shards)
    for part in (steps[: numbers[0]], steps[numbers[-1] + 1 :]):
        assert [step for step in part if step.endswith("manifest.json")]


def test_to_a_folder_it_goes_on_after_a_kill_at_each_step(built: Path, files, tmp_path) -> None:
    target = tmp_path / "storage" / "q"
    left = tmp_path / "left"
    steps = killing.run(killing.push, built, target.as_uri(), below=target, copy_to=left)
    whole = {path: sha for path, sha in files(built).items() if not path.startswith(".build/")}
    shards = sorted(path for path in whole if path.startswith("data/"))
    require_all_kinds(steps, shards)
    shutil.rmtree(target)
    middle = len(steps) // 2
    killing.run(killing.push, built, target.as_uri(), below=target, kill_at=middle)
    assert {path.suffix for path in target.rglob("*")} == {
        path.suffix for path in (left / str(middle)).rglob("*")
    }
    n_unfinished = 0
    for number in range(len(steps)):
        shutil.rmtree(target)
        if (left / str(number)).exists():
            shutil.copytree(left / str(number), target)
        else:
            target.mkdir()
        n_unfinished += len(list(target.glob(f"data/*/{TEMPORARY_PREFIX}*")))
        there = {path: (target / path).stat() for path in shards if (target / path).is_file()}
        copy(built, target.as_uri())
        assert files(target) == whole, steps[number]
        # Whole shards were left as they were: the same file, never written again.
        for path, before in there.items():
            after = (target / path).stat()
            assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert n_unfinished >= len(shards)


def test_to_a_bucket_it_goes_on_after_a_kill_at_each_step(
    bucket: str, built: Path, objects, files
) -> None:
    url = f"{bucket}/q"
    client = s3fs.S3FileSystem(use_listings_cache=False)
    steps = killing.run(killing.push, built, url, below=url)
    whole = {path: sha for path, sha in files(built).items() if not path.startswith(".build/")}
    shards = sorted(path for path in whole if path.startswith("data/"))
    require_all_kinds(steps, shards)
    client.rm("bucket/q", recursive=True)
    middle = len(steps) // 2
    killing.run(killing.push, built, url, below=url, kill_at=middle)
    killed = objects(url)
    killing.run(killing.push, built, url, below=url)
    assert objects(url) == whole
    for number in range(len(steps)):
        client.rm("bucket/q", recursive=True)
        # The last step gives the place up: the push is done without it.
        with killing.cut_off(number) as taken, suppress(FolderError, StorageError):
            copy(built, url)
        assert taken == steps[: number + 1]
        if number == middle:
            left = objects(url)
            assert left.keys() == killed.keys()
            # Only the lock says who was killed.
            assert {path for path in left if left[path] != killed[path]} <= {".build/lock"}
        s3fs.S3FileSystem.clear_instance_cache()
        with killing.cut_off() as again:
            copy(built, url)
        assert objects(url) == whole, steps[number]
        # What arrived before the kill was not sent again.
        arrived = {step for step in steps[:number] if "/data/" in step}
        assert not arrived & set(again)


def test_files_of_somebody_else_are_still_refused(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "q"
    steps = killing.run(killing.push, built, target.as_uri(), below=target)
    shutil.rmtree(target)
    number = next(n for n, step in enumerate(steps) if step.startswith("os.rename /data/"))
    killing.run(killing.push, built, target.as_uri(), below=target, kill_at=number)
    (unfinished,) = target.glob(f"data/*/{TEMPORARY_PREFIX}*")
    (foreign := unfinished.with_name("notes.txt")).write_text("mine")
    with pytest.raises(PublishError, match=r"something else \(data/clean/notes\.txt\)"):
        copy(built, target.as_uri())
    # Nothing is touched in a folder that is not ours.
    assert unfinished.is_file()
    foreign.unlink()
    copy(built, target.as_uri())
    assert not unfinished.exists()
