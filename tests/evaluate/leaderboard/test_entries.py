"""The entries of the repository: each passes the check that a pull request must pass."""

from pathlib import Path

import pytest

from imagenetq.evaluate.leaderboard.checks.check import check
from imagenetq.evaluate.leaderboard.entry.folder import entry_paths, read_folder
from imagenetq.evaluate.leaderboard.package import MAX_BESIDE_BYTES
from imagenetq.evaluate.results.registered_sources import is_registered

ENTRIES = Path(__file__).parents[3] / "leaderboard" / "entries"


def test_no_entry_fails():
    assert [verdict for verdict in check(ENTRIES) if verdict.status == "FAIL"] == []


@pytest.mark.parametrize("path", entry_paths(ENTRIES), ids=lambda path: path.name)
def test_a_demonstration_says_so_and_git_holds_no_large_file(path):
    folder = read_folder(path)
    if not is_registered(folder.entry.source_digest):
        assert "demonstration" in folder.submission.notes
    assert all(file.stat().st_size <= MAX_BESIDE_BYTES for file in path.iterdir())
