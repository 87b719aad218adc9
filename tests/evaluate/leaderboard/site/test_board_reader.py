import json

import pytest

from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.site import read_board
from site_entries import result, submission, write_entry


@pytest.fixture
def entries(tmp_path):
    write_entry(tmp_path / "entries" / "one", result(0.9), submission("One"))
    write_entry(tmp_path / "entries" / "two", result(0.5), submission("Two", notes="a note"))
    return tmp_path / "entries"


def test_a_folder_of_entries_is_a_board(entries):
    board = read_board(entries)
    assert [standing.name for standing in board.ordered] == ["one", "two"]
    assert board.ordered[1].submission.notes == "a note"
    assert {standing.kind for standing in board.ordered} == {"demonstration"}
    assert board.ordered[0].hits.counts.shape == (40, 6)


def test_an_empty_folder_is_an_empty_board_and_a_missing_one_a_mistake(tmp_path):
    (tmp_path / ".gitkeep").touch()
    assert read_board(tmp_path).standings == ()
    with pytest.raises(EntryError, match="cannot be read"):
        read_board(tmp_path / "none")


def test_an_entry_that_flatters_stops_the_build(entries):
    path = entries / "two" / "entry.json"
    better = json.loads(path.read_text())
    better["scores"]["score"]["value"] += 0.1
    path.write_text(json.dumps(better))
    with pytest.raises(EntryError, match=r"^two: entry.json: scores.score.value is .*check"):
        read_board(entries)


def test_predictions_on_the_hub_are_used_if_they_were_fetched(entries, tmp_path):
    place = {"repository": "org/name", "revision": "a" * 40, "path": "predictions.parquet"}
    path = entries / "one" / "submission.json"
    path.write_text(submission("One", predictions=place).to_json())
    predictions = entries / "one" / "predictions.parquet"
    kept = predictions.rename(tmp_path / "kept.parquet")
    assert read_board(entries).ordered[0].hits is None
    sha256 = json.loads((entries / "one" / "entry.json").read_text())["predictions_sha256"]
    (tmp_path / "fetched").mkdir()
    kept.rename(tmp_path / "fetched" / f"{sha256}.parquet")
    assert read_board(entries, fetched=tmp_path / "fetched").ordered[0].hits is not None
    assert read_board(entries, fetched=tmp_path).ordered[0].hits is None


def test_the_command_builds_and_says_where(entries, tmp_path, call):
    out = tmp_path / "site"
    ended = call("leaderboard", "build", entries, "--out", out)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "2 entries" in ended.stdout
    assert str(out / "index.html") in ended.stdout
    assert (out / "entry.html").is_file()
    again = call("leaderboard", "build", entries, "--out", out, "--json")
    assert json.loads(again.stdout)["entries"] == 2
    refused = call("leaderboard", "build", entries, "--out", entries)
    assert refused.returncode == 1
    assert "no site that" in refused.stderr
