"""Of a stranger's folder nothing is opened that does not belong into it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_entries import honest, submission, write_entry
from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.entry.folder import entry_paths, read_folder
from imagenetq.evaluate.leaderboard.entry.submission import Place

PLACE = Place(repository="org/p", revision="a" * 40, path="predictions.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_entry(tmp_path / "made-up", honest(2))


def replace(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def test_an_entry_is_read(folder):
    read = read_folder(folder)
    assert read.path.name == "made-up"
    assert read.entry == honest(2).entry
    assert read.submission == submission()
    assert read.predictions == folder / "predictions.parquet"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "setup.py").write_text("1/0"), "holds 'setup.py', which no entry does"),
        (lambda f: (f / ".git").mkdir(), "holds '.git', which no entry does"),
        (lambda f: (f / "a\x1b\n").write_text(""), r"holds 'a\\x1b\\n'"),
        (lambda f: [(f / f"{i}").write_text("") for i in range(9)], "more than 6 files"),
        (lambda f: (f / "entry.json").unlink(), "lacks entry.json; `imagenetq submit`"),
        (lambda f: (f / "submission.json").unlink(), "lacks submission.json"),
        (lambda f: (f / "predictions.parquet").unlink(), "lacks predictions.parquet"),
        (replace("entry.json", lambda p: p.symlink_to("/etc/passwd")), "no plain file"),
        (replace("predictions.parquet", lambda p: p.symlink_to("/dev/zero")), "no plain file"),
        (replace("submission.json", os.mkfifo), "submission.json is no plain file"),
        (replace("entry.json", Path.mkdir), "entry.json is no plain file"),
        (
            lambda f: (f / "submission.json").write_text(submission(predictions=PLACE).to_json()),
            "keep one of them",
        ),
    ],
    ids=range(12),
)
def test_what_does_not_belong_is_refused(folder, change, message):
    change(folder)
    with pytest.raises(EntryError, match=message) as refused:
        read_folder(folder)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["Made up", ".made-up", "made..up", "a\x1b[31m", "x" * 81, "é"])
def test_a_folder_of_another_name_is_refused(folder, name):
    with pytest.raises(EntryError, match="no name for an entry's folder"):
        read_folder(folder.rename(folder.with_name(name)))


def test_a_link_to_an_entry_is_refused(folder):
    link = folder.with_name("link")
    link.symlink_to(folder)
    with pytest.raises(EntryError, match="no folder; an entry is a folder"):
        read_folder(link)


def test_entries_are_found_by_name(folder, tmp_path):
    for name in ("z", "a", "README.md"):
        (tmp_path / name).mkdir()
    assert [path.name for path in entry_paths(tmp_path)] == ["README.md", "a", "made-up", "z"]
    assert entry_paths(folder) == [folder]


def test_nothing_to_check_is_said(tmp_path):
    with pytest.raises(EntryError, match="no entries in it"):
        entry_paths(tmp_path)
    with pytest.raises(EntryError, match="name a folder of entries"):
        entry_paths(tmp_path / "none")
