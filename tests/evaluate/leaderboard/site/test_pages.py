import re

from imagenetq.evaluate.leaderboard.site import Board
from imagenetq.evaluate.leaderboard.site.pages import pages, styles_and_scripts
from imagenetq.evaluate.leaderboard.site.ranking import ranks
from site_entries import HOSTILE, result, standing


def pages_of(*standings):
    board = Board(standings)
    return pages(board, ranks(board))


def test_hostile_texts_are_text_everywhere():
    held = result(model=HOSTILE, warnings=(HOSTILE,), versions={HOSTILE: HOSTILE})
    made = pages_of(standing("bad", held, title=HOSTILE, notes=HOSTILE, training_data=HOSTILE))
    for page in made.values():
        assert "<img src=x" not in page
        assert "49}}" not in page
    # Nothing but our scripts, the charts' and the data.
    scripts = re.findall(r"<script src=\"([\w/.]+)\"( defer)?></script>", made["index.html"])
    assert [name for name, _ in scripts] == [
        "theme.js",
        "vendor/d3.min.js",
        "vendor/plot.umd.min.js",
        "board.js",
        "site.js",
    ]
    assert made["index.html"].count("<script") == 5
    assert "&lt;img src=x onerror=alert(1)&gt;" in made["index.html"]


def test_links_out_tell_nothing_of_where_they_come_from():
    for page in pages_of(standing("good", result())).values():
        for link in re.findall(r'<a [^>]*href="http[^>]*>', page):
            assert 'rel="noopener noreferrer' in link


def test_every_page_forbids_what_is_not_its_own():
    for page in pages_of(standing("good", result())).values():
        assert "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-" in page
        assert "unsafe" not in page
        assert not re.search(r"\son\w+=|\sstyle=|<style", page)
    ours = {k: v for k, v in styles_and_scripts().items() if not k.startswith("vendor/")}
    for script in ours.values():
        assert not re.search(
            r"\beval\(|innerHTML|insertAdjacent|new Function|document\.write", script
        )


def test_ranked_unranked_and_demonstrations_stand_apart():
    page = pages_of(
        standing("a", result(0.9)),
        standing("b", result(0.9, precision="bf16"), unranked="computed in bf16"),
        standing("c", result(0.9, source_digest="e" * 64), is_registered=False),
    )["index.html"]
    assert re.findall(r'<tbody data-kind="(\w+)">', page) == ["ranked", "unranked", "demonstration"]
    assert "No entry is ranked yet" not in page
    assert "<b>bf16</b>" in page


def test_an_empty_board_and_one_of_demonstrations_say_so():
    assert "There are no entries yet" in pages_of()["index.html"]
    page = pages_of(standing("c", result(), is_registered=False))["index.html"]
    assert "No entry is ranked yet" in page


def test_how_to_submit_says_what_is_proven():
    page = pages_of()["submit.html"]
    for words in ("imagenetq submit", "proves consistency", "proves honesty", "--rerun"):
        assert words in page
