"""Two entries and five hundred: how large the site is, how soon it is there, how it keeps up.

Limits are generous, since tests share their machine; `-s` prints what was measured.
"""

import pytest

from imagenetq.evaluate.leaderboard.site import write_site
from site_entries import many

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


@pytest.fixture(scope="session", params=[2, 500])
def sized(request, tmp_path_factory):
    n = request.param
    out = tmp_path_factory.mktemp("many") / "site"
    return n, out, write_site(many(n, 12), out)


def test_it_is_small_soon_there_and_quick(opened, sized):
    n, out, site = sized
    # The browser has started, but not seen these files yet.
    page = opened(out / "index.html")
    page.locator("#curves svg").first.wait_for()
    assert page.locator("th.name:visible").count() == n + 1
    paint, ready = page.evaluate(_PAINT), page.evaluate(_READY)
    sort, search = page.evaluate(_SORT), page.evaluate(_SEARCH)
    page.locator("#compare").scroll_into_view_if_needed()
    page.locator("#comparison table").wait_for()
    print(
        f"\n{n} entries: {site.bytes / 1e6:.2f} MB in {site.files} files, first paint {paint:.0f} "
        f"ms, ready {ready:.0f} ms, sort {sort:.0f} ms, search {search:.0f} ms"
    )
    # An entry has its page of 5 kB, and 2 kB elsewhere; each pair 8 bytes.
    assert site.bytes < 450_000 + 8_000 * n + 8 * n * n / 2
    assert paint < 2_000
    assert sort < 500
    assert search < 500
