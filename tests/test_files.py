"""Files that are either whole under their name, or not there."""

import hashlib
import os
import pickle
from pathlib import Path

import pytest

from imagenetq.builder.folders.local import LocalFolder
from imagenetq.files import (
    TEMPORARY_PREFIX,
    AtomicFile,
    remove_temporary_files,
    sha256_of,
    user_cache,
    write_whole,
)
from imagenetq.shards import read_tar


def test_a_file_appears_whole_on_commit(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    file = AtomicFile(path)
    assert file.write(b"abc") == 3
    file.write(memoryview(b"def"))
    assert not path.exists()
    file.commit()
    file.abort()
    assert path.read_bytes() == b"abcdef"
    assert (file.n_bytes, file.tell()) == (6, 6)
    assert file.sha256 == hashlib.sha256(b"abcdef").hexdigest() == sha256_of(path)
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_abort_leaves_nothing_and_swallows_late_writes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    file = AtomicFile(tmp_path / "file")
    file.write(b"half")
    file.abort()
    assert file.write(b"a footer from a destructor") == 26
    assert (tmp_path / "file").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_write_whole_replaces(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        write_whole(tmp_path / "file", text)
        assert (tmp_path / "file").read_bytes() == text


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "file", "not bytes")  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{TEMPORARY_PREFIX}7-shard").write_bytes(b"")
    (tmp_path / "data" / "shard").write_bytes(b"")
    remove_temporary_files(tmp_path)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["shard"]


def test_writers_with_one_process_number_do_not_meet(tmp_path: Path) -> None:
    """As in two containers that share a folder: each file is whole, and the last one stays."""
    path = tmp_path / "file.bin"
    first, second = AtomicFile(path, "1of2"), AtomicFile(path, "1of2")
    for _ in range(1000):
        first.write(b"first ")
        second.write(b"second")
    second.commit()
    assert path.read_bytes() == b"second" * 1000
    first.commit()
    assert path.read_bytes() == b"first " * 1000
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    for name in ("x" * 255, "\N{BLACK CHESS KNIGHT}" * 85):
        write_whole(tmp_path / name, b"whole", "10of10")
        assert (tmp_path / name).read_bytes() == b"whole"


def test_leftovers_go_in_time_and_a_live_writer_stays(tmp_path: Path) -> None:
    stale, live = (tmp_path / f"{TEMPORARY_PREFIX}{tag}-file" for tag in ("1", "2"))
    for path in (stale, live):
        path.write_bytes(b"half")
    os.utime(stale, (0, 0))
    write_whole(tmp_path / "file", b"whole")
    assert not stale.exists()
    assert live.exists()


def test_a_failing_read_names_its_file():
    # Linux answers EIO where nothing of this process is mapped.
    path = Path("/proc/self/mem")
    if not path.exists():
        pytest.skip("needs /proc")
    for read in (sha256_of, LocalFolder(path.parent).read):
        with pytest.raises(OSError, match="Input/output error") as caught:
            read(path if read is sha256_of else path.name)
        assert caught.value.filename == str(path)
    with path.open("rb") as file, pytest.raises(OSError, match="shard-7") as caught:
        list(read_tar(file, "shard-7"))
    assert pickle.loads(pickle.dumps(caught.value)).filename == "shard-7"


def test_the_users_cache_is_an_absolute_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "imagenetq"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert user_cache() == Path.home() / ".cache" / "imagenetq"
