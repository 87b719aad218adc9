import json

import pytest
import yaml

from imagenetq.errors import FolderError
from imagenetq.evaluate.leaderboard.site import Board, write_site
from imagenetq.evaluate.leaderboard.site.site_writer import MANIFEST_NAME, site_files
from site_data import parsed
from site_entries import many, result, standing


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_entries_in_any_order_give_the_same_bytes(tmp_path):
    board = many(5)
    write_site(board, tmp_path / "one")
    write_site(Board(board.standings[::-1]), tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_building_again_removes_what_is_gone_and_nothing_else(tmp_path):
    out = tmp_path / "site"
    assert write_site(many(3), out).entries == 3
    (out / "levels" / "gone.webp").write_text("of an earlier site")
    manifest = json.loads((out / MANIFEST_NAME).read_text())
    manifest["files"].append("levels/gone.webp")
    (out / MANIFEST_NAME).write_text(json.dumps(manifest))
    (out / "README.md").write_text("mine")
    (out / ".git").mkdir()
    (out / ".git" / "config").write_text("mine too")
    write_site(many(2), out)
    held = contents(out)
    assert "levels/gone.webp" not in held
    entries = parsed(held["board.js"].decode())["entries"]
    assert [entry["name"] for entry in entries] == ["network-0", "network-1"]
    assert held["README.md"] == b"mine"
    assert held[".git/config"] == b"mine too"
    listed = json.loads((out / MANIFEST_NAME).read_text())["files"]
    assert set(listed) == set(site_files(many(2)))


def test_an_empty_folder_is_taken(tmp_path):
    assert write_site(Board(()), tmp_path).files > 50


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        "{",
        "[]",
        '{"made_by": "somebody", "files": []}',
        '{"made_by": "imagenetq leaderboard build", "files": ["../precious.html"]}',
        '{"made_by": "imagenetq leaderboard build", "files": ["thesis.tex"]}',
        '{"made_by": "imagenetq leaderboard build", "files": 3}',
    ],
)
def test_a_folder_that_is_no_site_is_refused_and_left_alone(tmp_path, manifest):
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious.html").write_text("mine")
    if manifest is not None:
        (out / MANIFEST_NAME).write_text(manifest)
    before = contents(out)
    with pytest.raises(FolderError, match="not empty, and no site that"):
        write_site(Board(()), out)
    assert contents(out) == before


def test_a_stranger_s_file_in_an_earlier_site_is_kept(tmp_path):
    write_site(Board(()), tmp_path)
    manifest = json.loads((tmp_path / MANIFEST_NAME).read_text())
    manifest["files"].remove("index.html")
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(manifest))
    (tmp_path / "index.html").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(FolderError, match=r"index\.html: a file of the site belongs there"):
        write_site(many(2), tmp_path)
    assert contents(tmp_path) == before


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(FolderError, match="no site"):
        write_site(Board(()), tmp_path / "out")


def test_a_build_that_was_killed_is_known_as_a_site(tmp_path, monkeypatch):
    def killed(path, data):
        if path.name == "site.css":
            raise KeyboardInterrupt
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    monkeypatch.setattr("imagenetq.evaluate.leaderboard.site.site_writer.write_whole", killed)
    board = Board((standing("a", result()),))
    with pytest.raises(KeyboardInterrupt):
        write_site(board, tmp_path / "site")
    monkeypatch.undo()
    write_site(board, tmp_path / "site")
    write_site(board, tmp_path / "whole")
    assert contents(tmp_path / "site") == contents(tmp_path / "whole")


def test_a_space_has_its_card(tmp_path):
    out = tmp_path / "space"
    write_site(many(1), out, space=True)
    _, front, text = (out / "README.md").read_text(encoding="utf-8").split("---\n")
    facts = yaml.safe_load(front)
    assert (facts["sdk"], facts["app_file"]) == ("static", "index.html")
    # What the Hub demands of a card.
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {facts["colorFrom"], facts["colorTo"]} <= colours
    assert len(facts["short_description"]) <= 60
    assert "# ImageNet-Q leaderboard" in text
    write_site(many(1), out, space=True)
    write_site(many(1), out)
    assert not (out / "README.md").exists()
