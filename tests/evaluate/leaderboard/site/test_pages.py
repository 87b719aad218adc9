import re

import pytest

from imagenetq.evaluate.leaderboard.site import Board
from imagenetq.evaluate.leaderboard.site.pages import pages, styles_and_scripts, web_link
from imagenetq.evaluate.leaderboard.site.ranking import ranks
from site_entries import HOSTILE, result, standing


def pages_of(*standings):
    board = Board(standings)
    return pages(board, ranks(board))


def test_each_entry_has_a_page_with_everything_recorded():
    held = result(0.9)
    page = pages_of(standing("good", held, title="Good One"))["entries/good.html"]
    entry = held.entry
    recorded = [
        "Good One",
        "<b>Rank 1</b>",
        entry.model.name,
        entry.model.weights_sha256,
        entry.specification_digest,
        entry.source_digest,
        entry.predictions_sha256,
        "25,600,000",
        "<dt>resize<dd>256",
        "<dt>Pillow<dd>12.1.0",
        "<dt>device<dd>a device",
        "ImageNet-1k",
        "imagenetq eval --model timm/made_up --model-arg pad_type=same --source IMAGENET "
        "--subset full --out reproduced/good",
    ]
    assert [text for text in recorded if text not in page] == []


def test_hostile_texts_are_text_everywhere():
    held = result(model=HOSTILE, warnings=(HOSTILE,), versions={HOSTILE: HOSTILE})
    made = pages_of(standing("bad", held, title=HOSTILE, notes=HOSTILE, training_data=HOSTILE))
    for page in made.values():
        assert "<img src=x" not in page
        assert "{{7*7}}" in page or "49}}" not in page
        # Nothing but the two scripts of ours and the data.
        assert len(re.findall(r"<script", page)) == 3
    assert "&lt;img src=x onerror=alert(1)&gt;" in made["entries/bad.html"]


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://example.org/a?b=c", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https:", False),
        ("http://[", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_become_links(address, is_link):
    assert web_link(address) == (address if is_link else None)


def test_links_out_tell_nothing_of_where_they_come_from():
    for page in pages_of(standing("good", result())).values():
        for link in re.findall(r'<a [^>]*href="http[^>]*>', page):
            assert 'rel="noopener noreferrer' in link


def test_every_page_forbids_what_is_not_its_own():
    for page in pages_of(standing("good", result())).values():
        assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'" in page
        assert not re.search(r"\son\w+=|\sstyle=|<style", page)
    for script in styles_and_scripts().values():
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
