"""What a reader does with the pages: copies commands, compares curves, prints, reads on a phone."""

from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="no playwright")

from playwright.sync_api import expect

ENTRIES = Path(__file__).parents[4] / "leaderboard" / "entries"


def rank_heading(page):
    return page.locator("#board th[data-sort=rank]")


@pytest.fixture
def index(site):
    return site / "index.html"


def test_commands_wrap_between_words_and_can_be_copied(opened, site):
    page = opened(site / "entry.html", "?name=small", width=420)
    again = page.locator("#again")
    told = again.text_content()
    assert told.startswith("imagenetq eval --model timm/small ")
    assert "\nimagenetq compare reproduced/small/*" in told
    box = page.locator("pre", has=again)
    assert box.evaluate("block => block.scrollWidth <= block.clientWidth")
    # No option is cut in two: each word that fits stands in one line.
    heights = again.locator("span").evaluate_all(
        "words => words.map((w) => w.getClientRects().length)"
    )
    assert set(heights) == {1}
    page.locator(".code", has=again).get_by_role("button").click()
    assert page.evaluate("getSelection().toString()").split() == told.split()
    assert page.locator(".code", has=again).locator("button").text_content() in (
        "Copied",
        "Selected",
    )


def test_charts_say_when_they_mix_photographs(opened, index):
    page = opened(index, "#chosen=strong,weak")
    assert page.locator("#curves-mixed .notice").count() == 0
    # The points are of all that the table shows.
    assert "Different photographs" in page.locator("#scatter-mixed").inner_text()
    page.locator("#data").select_option("0")
    expect(page.locator("#scatter-mixed .notice")).to_have_count(0)
    page = opened(index, "#chosen=strong,other")
    said = page.locator("#curves-mixed li").all_inner_texts()
    assert [line.rpartition(": ")[2] for line in said] == ["Strong", "Other"]


def test_every_network_has_a_dash_of_its_own(opened, index):
    page = opened(index, "#chosen=strong,weak,small,half,other,hostile")
    dashes = page.locator("#chips .swatch g[class^=line]").evaluate_all(
        "lines => lines.map((line) => line.getAttribute('stroke-dasharray') ?? 'none')"
    )
    assert len(dashes) == len(set(dashes)) == 6
    bands = page.locator("#curves figure").first.locator("g[class^=band]")
    opacities = bands.evaluate_all(
        "bands => bands.map((band) => band.getAttribute('fill-opacity'))"
    )
    assert {float(opacity) for opacity in opacities} == {0.28 / 6}


def test_ranks_that_nothing_has_take_no_column_on_a_phone(opened, index, tmp_path, call):
    assert rank_heading(opened(index, width=390)).is_visible()
    assert call("leaderboard", "build", ENTRIES, "--out", tmp_path / "site").returncode == 0
    demonstrations = tmp_path / "site" / "index.html"
    assert rank_heading(opened(demonstrations)).is_visible()
    page = opened(demonstrations, width=390)
    assert not rank_heading(page).is_visible()
    assert page.locator("#board tbody tr:not(.section) td:nth-child(2):visible").count() == 0


def test_the_comparison_prints_in_ink_on_one_page_s_width(opened, index):
    page = opened(index, "#first=strong&second=weak", width=718, color_scheme="dark")
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#comparison svg[role=img]").wait_for()
    page.emulate_media(media="print")
    assert page.locator("#comparison svg[role=img]").is_visible()
    assert page.locator("#comparison table").is_visible()
    assert page.locator("#first").is_visible()
    assert not page.locator("#filters").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 718


def test_tables_fit_a_wide_screen_and_scroll_under_their_names_on_a_phone(opened, index):
    page = opened(index, width=1440)
    page.locator("#curves-table summary").click()
    tables = page.locator("#curves-table .scroll")
    assert tables.evaluate("box => box.scrollWidth <= box.clientWidth")
    page = opened(index, "#first=strong&second=weak", width=390)
    page.locator("#curves-table summary").click()
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#comparison table").wait_for()
    for region in ("#curves-table .scroll", "#comparison .scroll"):
        box = page.locator(region)
        box.evaluate("box => { box.scrollLeft = 150; }")
        assert box.evaluate("box => box.scrollLeft") == 150
        for part in ("caption span", "tbody th"):
            ends = box.locator(part).first.evaluate(
                "part => { const { left, right } = part.getBoundingClientRect();"
                " return [left, right]; }"
            )
            assert 0 <= ends[0] < ends[1] <= 390


def test_a_row_under_the_pointer_keeps_its_heat(opened, index):
    page = opened(index)
    cell = page.locator("#board td[class^=h]").first
    before = cell.evaluate("cell => getComputedStyle(cell).backgroundColor")
    cell.hover()
    assert cell.evaluate("cell => getComputedStyle(cell).backgroundColor") == before
    assert "gradient" in cell.evaluate("cell => getComputedStyle(cell).backgroundImage")


def test_names_beside_points_are_cut_only_where_there_is_no_room(opened, tmp_path, call):
    assert call("leaderboard", "build", ENTRIES, "--out", tmp_path / "site").returncode == 0
    page = opened(tmp_path / "site" / "index.html", width=390)
    labels = page.locator("#scatter [data-part=text]")
    expect(labels).to_have_count(6)
    for label in labels.all():
        assert "\u2026" not in label.text_content()
        inside = label.evaluate(
            """label => {
              const text = label.getBoundingClientRect();
              const chart = label.closest("svg").getBoundingClientRect();
              return text.left >= chart.left && text.right <= chart.right;
            }"""
        )
        assert inside
