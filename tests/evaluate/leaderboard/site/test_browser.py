"""The site as a reader meets it: in a browser, from disk, with nothing else to ask."""

from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="no playwright")

from playwright.sync_api import expect

from imagenetq.evaluate.leaderboard.entry.folder import entry_paths, read_folder
from imagenetq.evaluate.leaderboard.site import Board, write_site
from imagenetq.evaluate.leaderboard.site.labels import MINUS, TIMES
from imagenetq.evaluate.results.comparison import compare
from site_entries import HOSTILE, result

ENTRIES = Path(__file__).parents[4] / "leaderboard" / "entries"
RANKED = ["Strong", "Small", "Weak"]


def titles(page, kind="ranked"):
    rows = page.locator(f"tbody[data-kind={kind}] th[scope=row]:visible bdi")
    return rows.all_inner_texts()


def heading(page, name):
    return page.locator(f"#board th[data-sort={name}]")


@pytest.fixture
def index(site):
    return site / "index.html"


def test_a_click_sorts_within_sections_and_says_so(opened, index):
    page = opened(index)
    assert titles(page) == RANKED
    assert heading(page, "score").get_attribute("aria-sort") == "descending"
    heading(page, "parameters").get_by_role("button").click()
    assert titles(page)[2] == "Small"
    assert heading(page, "parameters").get_attribute("aria-sort") == "descending"
    assert heading(page, "score").get_attribute("aria-sort") is None
    heading(page, "parameters").get_by_role("button").click()
    assert titles(page)[0] == "Small"
    assert page.url.endswith("#sort=parameters&order=up")
    heading(page, "title").get_by_role("button").click()
    assert titles(page) == ["Small", "Strong", "Weak"]
    assert titles(page, "demonstration") == [HOSTILE, "Other"]


def test_filters_narrow_the_table_and_the_points(opened, index):
    page = opened(index)
    page.get_by_label("Search").fill("s")
    assert page.locator("#found").inner_text() == "4 of 6 entries"
    page.get_by_label("Search").fill("timm sma")
    assert page.locator("#found").inner_text() == "1 of 6 entries"
    assert titles(page) == ["Small"]
    assert not page.locator("tbody[data-kind=demonstration]").is_visible()
    expect(page.locator("#scatter .dots circle, #scatter [class^=mark] path")).to_have_count(2)
    page.get_by_label("Search").fill("nobody")
    assert "nothing fits" in page.locator("#found").inner_text()
    page.get_by_role("button", name="Reset").click()
    assert page.locator("#found").inner_text() == "6 entries"
    page.get_by_label("From").select_option("torchvision")
    assert titles(page) == ["Weak"]
    page.get_by_label("From").select_option("")
    page.get_by_label("Input").select_option(f"96{TIMES}96")
    assert titles(page) == ["Small"]
    page.get_by_label("Input").select_option("")
    page.get_by_label("Photographs").select_option("1")
    assert titles(page) == []
    assert len(titles(page, "demonstration")) == 2


def test_chosen_entries_are_drawn_and_told(opened, index):
    page = opened(index)
    assert page.locator("#chips bdi").all_inner_texts() == RANKED
    assert page.locator("#curves [class^=line]").count() == 5 * 3
    page.get_by_label("Show Strong in charts").uncheck()
    page.get_by_label("Show Other in charts").check()
    assert page.locator("#chips bdi").all_inner_texts() == ["Small", "Weak", "Other"]
    assert "chosen=small,weak,other" in page.url
    page.get_by_role("button", name="Remove Weak").click()
    page.locator("#add").select_option("half")
    assert page.locator("#chips bdi").all_inner_texts() == ["Small", "Other", "Half"]
    page.locator("#curves-table summary").click()
    table = page.locator("#curves-table table").first
    expect(table.locator("tbody th")).to_contain_text(["Small", "Other", "Half"])
    assert "VGG16, 2016" in table.inner_text()
    page.locator("#paper").uncheck()
    assert page.locator("#curves .paper").count() == 0
    assert "VGG16" not in table.inner_text()
    before = table.inner_text()
    page.locator("#metric").select_option("top5")
    assert table.inner_text() != before


def test_a_link_shows_what_was_seen(opened, index):
    state = "#sort=blur&order=up&q=s&chosen=half,other&metric=top5&paper=no&y=score"
    page = opened(index, f"{state}&first=weak&second=small")
    assert heading(page, "blur").get_attribute("aria-sort") == "ascending"
    assert page.get_by_label("Search").input_value() == "s"
    assert page.locator("#chips bdi").all_inner_texts() == ["Half", "Other"]
    assert page.locator("#metric").input_value() == "top5"
    assert page.locator("#measure").input_value() == "score"
    assert not page.locator("#paper").is_checked()
    assert page.locator("#first").input_value() == "weak"
    # Another link in the same tab, as a reader pastes it.
    page.evaluate("location.hash = '#sort=clean&chosen=weak'")
    expect(page.locator("#chips li")).to_have_count(1)
    assert heading(page, "clean").get_attribute("aria-sort") == "descending"
    assert page.get_by_label("Search").input_value() == ""


def test_a_strange_link_does_no_harm(opened, index):
    page = opened(
        index, "#sort=__proto__&order=%3Cb%3E&chosen=a,,%00&size=9&first=%3Cscript%3E&metric=x&q=%"
    )
    assert page.locator("#chips li").count() == 0
    assert page.locator("#metric").input_value() == "top1"
    assert page.locator("#size").input_value() == ""


def test_everything_can_be_done_by_keyboard(opened, index):
    page = opened(index)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    heading(page, "rank").get_by_role("button").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert heading(page, "title").get_attribute("aria-sort") == "ascending"
    page.get_by_label("Show Strong in charts").focus()
    page.keyboard.press("Space")
    assert page.locator("#chips li").count() == 2
    page.get_by_role("button", name="Remove Small").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    page.get_by_role("region", name="The table of entries").focus()
    page.locator("#curves-table summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#curves-table table")).to_have_count(5)


def test_two_entries_are_compared_as_the_command_does(opened, index):
    page = opened(index, "#first=strong&second=weak")
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#comparison table").wait_for()
    said = page.locator("#comparison")
    assert "Paired" in said.inner_text()
    row = said.locator("tbody tr").first
    assert row.locator("td").last.inner_text() == "first is better"
    page.get_by_role("button", name="Swap first and second").click()
    assert row.locator("td").last.inner_text() == "second is better"
    page.locator("#second").select_option("other")
    assert "over different photographs" in said.inner_text()
    page.locator("#first").select_option("half")
    assert "Different precisions" in said.inner_text()
    page.locator("#second").select_option("half")
    assert "two different entries" in said.inner_text()


def test_the_interval_in_the_browser_is_that_of_compare(opened, index):
    exact = compare(result(0.9, 60, 1), result(0.45, 60, 2, model="torchvision/weak")).score
    page = opened(index, "#first=strong&second=weak")
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#comparison table").wait_for()
    cells = page.locator("#comparison tbody tr").first.locator("td").all_inner_texts()
    low, high = (float(text.replace(MINUS, "-")) for text in cells[3].split(" to "))
    assert [low, high] == pytest.approx([100 * exact.low, 100 * exact.high], abs=0.15)


def test_error_consistency_in_the_browser_is_that_of_compare(opened, index):
    exact = compare(result(0.9, 60, 1), result(0.45, 60, 2, model="torchvision/weak")).consistency
    page = opened(index, "#first=strong&second=weak")
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#consistency table").first.wait_for()
    shown = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts()
        for row in page.locator("#consistency table").first.locator("tbody tr").all()
    }
    kappas = [exact.variants["clean"], *exact.distortions.values(), exact.mean]
    assert len(shown) == len(kappas)
    for (kappa, ends), held in zip(shown.values(), kappas, strict=True):
        assert float(kappa.replace(MINUS, "-")) == pytest.approx(held.value, abs=0.0051)
        told = [
            float(end) for end in ends.replace(MINUS, "-").split(" to ") if end != "\N{EN DASH}"
        ]
        known = [end for end in (held.low, held.high) if end is not None]
        assert told == pytest.approx(known, abs=0.0051)
    assert any(held.low is not None for held in kappas)
    page.locator("#consistency summary").click()
    blur = page.locator("#consistency details table").first.locator("td").all_inner_texts()
    levels = [exact.variants[name].value for name in ("clean", "blur-1", "blur-2")]
    assert [float(text.replace(MINUS, "-")) for text in blur[:3]] == pytest.approx(
        levels, abs=0.0051
    )
    page.locator("#second").select_option("other")
    page.get_by_text("answered different photographs").wait_for()


def test_hostile_names_are_shown_as_text(opened, site):
    page = opened(site / "index.html", "#chosen=hostile&first=hostile")
    assert page.locator("#chips bdi").inner_text() == HOSTILE
    assert page.locator("tbody a", has_text=HOSTILE).count() == 1
    page.locator("#curves-table summary").click()
    page.locator("#scatter-table summary").click()
    page.locator("#curves svg").first.hover()
    assert page.locator(".tip bdi").first.inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    page = opened(site / "entry.html", "?name=hostile")
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    assert page.locator("dd", has_text=HOSTILE).count() >= 4


def test_a_command_that_could_load_code_is_not_shown_and_the_page_says_so(opened, site):
    for name in ("hostile", "other"):
        page = opened(site / "entry.html", f"?name={name}")
        again = page.locator("#again").inner_text()
        assert again.startswith("# Not shown: the model\u2019s name or an argument could load code")
        assert "imagenetq" not in again
    assert "Python code of its author" in page.locator("#unsaid").inner_text()
    page = opened(site / "entry.html", "?name=small")
    assert page.locator("#again").inner_text().startswith("imagenetq eval --model timm/small ")


def test_an_entry_has_its_curves_and_all_levels(opened, site):
    page = opened(site / "entry.html", "?name=small")
    assert page.locator("#curves svg[role=img]").count() == 5
    page.locator("#levels-table summary").click()
    expect(page.locator("#levels-table tbody tr")).to_have_count(52)
    # The table of the browser and the page's own, from the same counts.
    clean = page.locator("#levels-table tbody tr").first.locator("td").first.inner_text()
    own = page.get_by_role("row", name="Clean top-1").first.locator("td").first.inner_text()
    assert clean.startswith(f"{own} (")
    page.get_by_role("link", name="All entries").click()
    page.wait_for_url("**/index.html")


def test_the_theme_follows_the_system_until_it_is_chosen(opened, index):
    page = opened(index, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Use light colours").click()
    light = page.evaluate(background)
    assert light != dark
    page.reload()
    assert page.evaluate(background) == light
    page.get_by_role("button", name="Use dark colours").click()
    assert page.evaluate(background) == dark


def test_an_entry_is_reached_from_the_table_and_by_its_address(opened, site):
    page = opened(site / "index.html")
    page.get_by_role("link", name="Weak").click()
    page.wait_for_url("**/entry.html?name=weak")
    expect(page).to_have_title("Weak \u2013 Entry \u2013 ImageNet-Q leaderboard")
    assert page.locator("h1").inner_text() == "Weak"
    assert page.locator("#standing").inner_text().startswith("Rank 3 in ImageNet-Q 1.0.0")
    assert "imagenetq eval --model torchvision/weak" in page.locator("#again").inner_text()
    # The skip link is of the page, and must not lose the entry.
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.reload()
    expect(page.locator("h1")).to_have_text("Weak")


@pytest.mark.parametrize(
    "address", ["", "?name=", "?name=nobody", "?name=__proto__", "?name=%3Cimg%20src=x%3E", "?%"]
)
def test_an_unknown_entry_is_said_to_be_one(opened, site, address):
    page = opened(site / "entry.html", address)
    assert "no such entry" in page.locator("main").inner_text()
    assert not page.locator("#entry").is_visible()


def test_only_addresses_of_the_web_are_links(opened, site):
    page = opened(site / "entry.html", "?name=small")
    assert page.get_by_role("link", name="https://example.org/paper").is_visible()
    for link in page.locator("#facts a").all():
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"


def test_the_pointer_is_told_the_values_of_a_level_and_of_a_point(opened, index):
    page = opened(index)
    page.locator("#curves svg[role=img]").first.hover()
    assert page.locator(".tip b").inner_text().startswith("Blur, sigma ")
    assert page.locator(".tip div:not(.old) bdi").all_inner_texts() == RANKED
    page.locator("#scatter [class^=mark]").first.hover()
    title = page.locator(".tip b").inner_text()
    assert title in RANKED
    page.locator("#scatter [class^=mark]").first.click()
    expect(page.locator("#chips li")).to_have_count(2)
    assert title not in page.locator("#chips bdi").all_inner_texts()
    page.locator("h1").hover()
    assert not page.locator(".tip").is_visible()


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "levels.html",
        "submit.html",
        "entry.html?name=hostile",
        "entry.html?name=strong",
    ],
)
def test_nothing_sticks_out_on_a_phone(opened, site, name):
    file, mark, query = name.partition("?")
    page = opened(site / file, mark + query, width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_the_table_is_there(opened, index):
    page = opened(index, java_script_enabled=False)
    assert titles(page) == RANKED
    assert page.locator(".needs-script:visible").count() == 0
    assert "Without JavaScript" in page.locator("main").inner_text()
    page = opened(index.with_name("entry.html"), "?name=weak", java_script_enabled=False)
    assert "with JavaScript only" in page.locator("main").inner_text()


def test_the_entries_of_the_repository_open(opened, tmp_path, call):
    built = call("leaderboard", "build", ENTRIES, "--out", tmp_path / "site")
    assert built.returncode == 0, built.stderr
    page = opened(tmp_path / "site" / "index.html")
    named = [read_folder(path).submission.name for path in entry_paths(ENTRIES)]
    assert sorted(titles(page, "demonstration")) == sorted(named)
    assert "No entry is ranked yet" in page.locator("main").inner_text()
    page.get_by_role("link", name="SqueezeNet").click()
    page.wait_for_url("**/entry.html?name=squeezenet-1.0-deep-compression")
    expect(page.locator("#curves svg[role=img]")).to_have_count(5)
    assert "dirty" not in page.locator("#facts").inner_text()


def test_an_empty_board_opens(opened, tmp_path):
    write_site(Board(()), tmp_path / "site")
    page = opened(tmp_path / "site" / "index.html")
    assert "There are no entries yet" in page.locator("main").inner_text()
