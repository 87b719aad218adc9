"""Shares of a build: independent processes that fill one folder, and a build that completes it."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from imagenetq.builder import Share, build, build_share, open_source, verify
from imagenetq.builder.folders import open_folder
from imagenetq.errors import BuildStopped, FolderError, UsageError
from imagenetq.files import TEMPORARY_PREFIX, sha256_of
from imagenetq.manifest import MANIFEST_NAME, read_manifest
from no_workers import no_workers

ONLY = "clean,noise,contrast-0.5"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def whole(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as one process builds it."""
    out = tmp_path_factory.mktemp("whole") / "q"
    with no_workers():
        build(open_source(source_230), out, subset="mini", only=ONLY.split(","))
    return out


@pytest.fixture
def start(start: Start, source_230: Path, tmp_path: Path) -> Start:
    """Starts a build, or a share of one, as a user or Slurm does."""
    what = ("build", source_230, "--subset", "mini", "--only", ONLY)
    return partial(start, *what, "--out", tmp_path / "q", "--workers", "1")


def bytes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the locks."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("lock")
    }


def records(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / ".build" / "units").glob("*.json"))


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "-1/3", "1", "a/b", "1/2/3", "", "1.0/2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=rf"no share '{re.escape(text)}'; give I/N"):
        Share.parse(text)


@pytest.mark.parametrize(("n_units", "count"), [(0, 1), (1, 3), (7, 1), (7, 3), (100, 8)])
def test_every_unit_is_in_exactly_one_share(n_units: int, count: int) -> None:
    shares = [Share.parse(f"{i}/{count}").of(range(n_units)) for i in range(1, count + 1)]
    assert sorted(unit for share in shares for unit in share) == list(range(n_units))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_shares_at_once_and_a_build_after_them_give_the_same_bytes(
    whole: Path, start: Start, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    shares = [start("--shard", "1/2"), start("--shard", "2/2", "--json")]
    ended = [share.communicate(timeout=300) for share in shares]
    assert [share.returncode for share in shares] == [0, 0], ended
    told = ended[0][0].splitlines()
    assert told[0] == f"{out}: share 1/2 is done: 130 photographs in 2 units"
    assert told[1] == "once all shares are, the same command without --shard completes the dataset"
    expected = {"share": "2/2", "units": 1, "photographs": 100, "bad_images": []}
    assert json.loads(ended[1][0]) == expected
    assert not (out / MANIFEST_NAME).exists()
    assert b"INCOMPLETE" in (out / "README.md").read_bytes()
    shards = {path: path.stat().st_mtime_ns for path in (out / "data").rglob("*.parquet")}
    last = start()
    last.communicate(timeout=300)
    assert last.returncode == 0
    assert shards == {path: path.stat().st_mtime_ns for path in (out / "data").rglob("*.parquet")}
    assert bytes_of(out) == bytes_of(whole)
    assert read_manifest(out) == read_manifest(whole)


@pytest.mark.usefixtures("in_this_process")
def test_a_killed_share_costs_only_its_unfinished_units(
    source_230: Path, whole: Path, start: Start, tmp_path: Path
) -> None:
    out = tmp_path / "q"
    process = start("--shard", "1/2")
    while not any(out.glob(f"data/*/{TEMPORARY_PREFIX}1of2-*-test-00002-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert records(out) == ["00000.json"]
    done = {path: path.stat().st_mtime_ns for path in out.glob("data/*/test-00000-*")}
    # What another share is writing at the moment is not ours to remove.
    others = out / "data" / "clean" / f"{TEMPORARY_PREFIX}2of2-1-test-00001-of-00003.parquet"
    others.touch()
    options = {"subset": "mini", "only": ONLY.split(","), "workers": 1}
    built = build_share(open_source(source_230), out, Share(1, 2), **options)
    assert (built.units, built.photographs) == (2, 130)
    assert [path.name for path in out.rglob(f"{TEMPORARY_PREFIX}*")] == [others.name]
    assert done == {path: path.stat().st_mtime_ns for path in out.glob("data/*/test-00000-*")}
    # Nobody built share 2: the whole build makes what is missing.
    manifest = build(open_source(source_230), out, **options)
    assert manifest == read_manifest(whole)
    assert bytes_of(out) == bytes_of(whole)
    assert verify(out) == []


def test_shares_exclude_whole_builds_and_themselves_alone(tmp_path: Path) -> None:
    folder, other = open_folder(tmp_path / "q"), open_folder(tmp_path / "q")
    whole = r"q: another build, render or push is writing there; wait until it ends$"
    same = r"q: another process is building share 1/2 there; wait until it ends$"

    def mine() -> None:
        return

    with folder.held(mine, Share(1, 2)):
        with other.held(mine, Share(2, 2)):
            pass
        with pytest.raises(FolderError, match=same), other.held(mine, Share(1, 2)):
            pass
        with pytest.raises(FolderError, match=whole), other.held(mine):
            pass
    with (
        folder.held(mine),
        pytest.raises(FolderError, match=whole),
        other.held(mine, Share(1, 2)),
    ):
        pass
    with other.held(mine, Share(1, 2)):
        pass


@pytest.mark.usefixtures("in_this_process")
def test_bad_images_and_other_plans_are_told_of_as_in_a_whole_build(
    make_source, tmp_path: Path
) -> None:
    images, out = make_source(tmp_path / "images", 4), tmp_path / "q"
    bad = sorted(images.rglob("*.JPEG"))[2]
    bad.write_bytes(bad.read_bytes()[:300])
    options = {"subset": "mini", "only": ["jpeg-10"], "workers": 1}
    with pytest.raises(
        BuildStopped, match=r"incomplete for want of the photographs named above \(1\)"
    ):
        build_share(open_source(images), out, Share(1, 2), **options)
    built = build_share(open_source(images), out, Share(1, 2), **options, skip_bad=True)
    assert (built.photographs, [note.image_id for note in built.bad_images]) == (3, [bad.stem])
    empty = build_share(open_source(images), out, Share(2, 2), **options, skip_bad=True)
    assert (empty.units, empty.photographs) == (0, 0)
    with pytest.raises(FolderError, match="begun with another variants"):
        build_share(open_source(images), out, Share(1, 2), **{**options, "only": ["jpeg-8"]})
