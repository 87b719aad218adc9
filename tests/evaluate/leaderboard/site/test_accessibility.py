"""A scan of every kind of page by axe-core, in both themes and on a phone."""

import pytest

PAGES = ["index", "levels", "submit", "entry?name=strong", "entry?name=hostile"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened, site, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    width = 360 if name.endswith("hostile") else 1280
    file, mark, query = name.partition("?")
    page = opened(site / f"{file}.html", mark + query, color_scheme=scheme, width=width)
    for summary in page.locator("details summary").all():
        summary.click()
    if name == "index":
        page.locator("#compare").scroll_into_view_if_needed()
        page.wait_for_selector("#comparison table")
    # Preloading would fetch the style sheet, which the page's policy forbids.
    found = axe.Axe().run(page, options={"preload": False})
    told = [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]
    assert told == []


def test_headers_captions_and_charts_have_words(opened, site):
    page = opened(site / "index.html")
    page.locator("#compare").scroll_into_view_if_needed()
    page.wait_for_selector("#comparison table")
    for chart in page.locator("svg[role=img]").all():
        assert "the numbers are in the table" in chart.get_attribute("aria-label")
    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1
        assert table.locator("thead th[scope=col]").count() > 2
