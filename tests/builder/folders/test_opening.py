"""What is taken for a folder of this machine, and what for a remote one."""

import hashlib
import pickle
from pathlib import Path

import pytest

from imagenetq.builder import build, open_source, verify
from imagenetq.builder.folders import open_folder
from imagenetq.builder.folders.local import LocalFolder
from imagenetq.builder.folders.remote import RemoteFolder
from imagenetq.errors import FolderError, UsageError
from imagenetq.files import write_whole
from imagenetq.manifest import MANIFEST_NAME


@pytest.mark.usefixtures("in_this_process")
def test_paths_and_file_urls_are_of_this_machine(make_source, tmp_path: Path) -> None:
    for spec in (tmp_path / "q", str(tmp_path / "q"), (tmp_path / "q").as_uri()):
        folder = open_folder(spec)
        assert isinstance(folder, LocalFolder)
        assert folder.at("data/a") == str(tmp_path / "q" / "data" / "a")
    images = make_source(tmp_path / "images", 3)
    build(open_source(images), (tmp_path / "q").as_uri(), subset="mini", only=["jpeg-10"])
    assert (tmp_path / "q" / MANIFEST_NAME).is_file()
    assert verify((tmp_path / "q").as_uri()) == []


def test_a_path_object_is_a_path_whatever_it_looks_like() -> None:
    assert isinstance(open_folder(Path("hf:org/q")), LocalFolder)


def test_other_urls_are_remote_and_travel_to_workers() -> None:
    folder = open_folder("memory://bucket/q/")
    assert isinstance(folder, RemoteFolder)
    copy = pickle.loads(pickle.dumps(folder))
    assert str(copy) == "memory://bucket/q"
    assert copy.at("data/a") == "memory://bucket/q/data/a"
    assert copy.state == folder.state


@pytest.mark.parametrize("spec", ["hf:nobody", "nonsense://x/q"])
def test_what_is_no_address_is_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        open_folder(spec)


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = f"memory://{tmp_path.name}/q"
    return open_folder(tmp_path / "q" if request.param == "local" else url)


def test_both_kinds_do_the_same(folder) -> None:
    assert folder.names() == set()
    assert folder.files("data") == {}
    assert folder.size("data/x/a") is None
    with pytest.raises(FileNotFoundError):
        folder.read("data/x/a")
    with folder.held(lambda: None) as hold:
        file = folder.new_file("data/x/a")
        file.write(b"abc")
        assert folder.size("data/x/a") is None
        file.commit()
        file.abort()
        left = folder.new_file("data/x/b")
        left.write(b"never")
        left.abort()
        folder.write("c", b"small")
        hold.require()
    assert folder.names() - {".build"} == {"data", "c"}
    assert folder.files("data") == {"data/x/a": 3}
    with folder.at_hand("data/x/a") as path:
        assert (path.name, path.stat().st_size) == ("a", 3)
    assert folder.size("data/x/a") == 3
    assert folder.read("c") == b"small"
    for opened in (folder.open, folder.fetch):
        with opened("data/x/a") as file:
            file.seek(1)
            assert file.read() == b"bc"
    assert folder.is_intact("data/x/a", 3, file_sha256(b"abc"))
    assert not folder.is_intact("data/x/a", 4, file_sha256(b"abc"))
    folder.remove("c")
    folder.remove("c")
    assert folder.size("c") is None
    with pytest.raises(FolderError, match=r"no manifest\.json|no such folder"):
        folder.manifest()


def file_sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_two_builds_of_one_user_do_not_mix(folder) -> None:
    with (
        folder.held(lambda: None),
        pytest.raises(
            FolderError, match="another build, render or push is writing there; wait until it ends"
        ),
        open_folder(getattr(folder, "path", folder.name)).held(lambda: None),
    ):
        pass


def test_what_is_not_ours_is_not_written_to(folder) -> None:
    def refuse() -> None:
        raise FolderError("not ours")

    with pytest.raises(FolderError, match="not ours"), folder.held(refuse):
        pass
    assert folder.names() == set()


def test_leftovers_of_killed_builds_are_removed(folder) -> None:
    leftover = folder.disk / "data" / "x" / ".tmp-1-a"
    write_whole(leftover, b"half")
    with folder.held(lambda: None):
        assert not leftover.exists()
