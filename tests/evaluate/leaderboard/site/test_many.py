"""Two entries and five hundred: how large the site is, how soon it is there, how it keeps up.

Times are printed (`-s`) and hold nothing up, since tests share their machine.
"""

import pytest

from imagenetq.evaluate.leaderboard.site import write_site
from site_entries import crowd

_SORT = """() => {
  const head = document.querySelector("th[data-sort=blur] button");
  const started = performance.now();
  head.click();
  document.body.offsetHeight;
  return performance.now() - started;
}"""
_SEARCH = """() => {
  const input = document.querySelector("#q");
  const started = performance.now();
  input.value = "network 4";
  input.dispatchEvent(new Event("input"));
  document.body.offsetHeight;
  return performance.now() - started;
}"""
_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0"""
_READY = """() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd"""


MOST_BYTES = 3_000_000
"""Of a site with 500 entries."""


@pytest.fixture(scope="session", params=[2, 500])
def sized(request, tmp_path_factory):
    n = request.param
    out = tmp_path_factory.mktemp("many") / "site"
    return n, out, write_site(crowd(n), out)


def test_five_hundred_entries_take_less_than_three_megabytes(sized):
    _, out, _ = sized
    files = [path for path in out.rglob("*") if path.is_file()]
    # Answers are asked for two at a time.
    always = [path for path in files if path.parent.name != "answers"]
    assert sum(path.stat().st_size for path in always) < MOST_BYTES


def test_it_opens_sorts_searches_and_compares(opened, sized):
    n, out, site = sized
    page = opened(out / "index.html")
    page.locator("#curves svg").first.wait_for()
    assert page.locator("#board th[scope=row]:visible").count() == min(n, 100)
    paint, ready = page.evaluate(_PAINT), page.evaluate(_READY)
    sort, search = page.evaluate(_SORT), page.evaluate(_SEARCH)
    page.get_by_role("button", name="Reset").click()
    if n > 100:
        assert page.locator("#found").inner_text() == f"{n} entries, the first 100 shown"
        page.get_by_role("button", name="Show all that fit").click()
        assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
    assert page.locator("#board th[scope=row]:visible").count() == n
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#comparison table").wait_for()
    assert "Paired" in page.locator("#comparison").inner_text()
    page = opened(out / "entry.html", f"?name=network-{n - 1}")
    page.locator("#curves svg").first.wait_for()
    assert page.locator("h1").inner_text() == f"Network {n - 1}"
    print(
        f"\n{n} entries: {site.bytes / 1e6:.2f} MB in {site.files} files, first paint {paint:.0f} "
        f"ms, ready {ready:.0f} ms, sort {sort:.0f} ms, search {search:.0f} ms; "
        f"an entry's page: first paint {page.evaluate(_PAINT):.0f} ms"
    )
