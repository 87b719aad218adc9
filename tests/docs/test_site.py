"""The site builds strictly, opens from disk, asks nobody for anything, and fits a phone."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from documents import ROOT

pytest.importorskip("mkdocs", reason="no MkDocs; pip install '.[docs]'")
pytest.importorskip("playwright", reason="no playwright")

Open = Callable[..., Any]
API = (
    *("imagenetq", "imagenetq.builder", "imagenetq.evaluate", "imagenetq.evaluate.report"),
    "imagenetq.torch",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", out]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    return out


@pytest.mark.parametrize("module", API)
def test_every_public_name_is_documented(site: Path, module: str) -> None:
    public = import_module(module).__all__
    html = (site / "api" / f"{module.rpartition('.')[2]}.html").read_text(encoding="utf-8")
    headings = {found.rpartition(".")[2] for found in re.findall(r'id="(imagenetq[\w.]+)"', html)}
    assert set(public) - headings <= {"__version__"}


def test_pages_of_the_repository_are_pages_of_the_site(site: Path) -> None:
    for page in ("changelog", "contributing", "dataset-card", "leaderboard-entries", "notebook"):
        assert (site / f"{page}.html").is_file()
    html = (site / "leaderboard-entries.html").read_text(encoding="utf-8")
    assert "/blob/HEAD/leaderboard/schema/entry-1.json" in html
    assert 'href="dataset-card.html#columns"' in (site / "load.html").read_text(encoding="utf-8")
    assert "Output of the cell above" in (site / "notebook.html").read_text(encoding="utf-8")


def test_every_page_fits_a_phone(site: Path, opened: Open) -> None:
    pages = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    assert len(pages) > 30
    page = opened(pages[0], width=390, height=844)
    for path in pages:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_message_is_found_from_disk(site: Path, opened: Open, scheme: str) -> None:
    page = opened(site / "index.html", color_scheme=scheme)
    shown = page.evaluate("document.body.getAttribute('data-md-color-scheme')")
    assert shown == {"light": "default", "dark": "slate"}[scheme]
    page.click(".md-search__input")
    page.keyboard.type("dev shm full")
    page.wait_for_selector(".md-search-result__link[href*=troubleshooting]", timeout=20_000)
