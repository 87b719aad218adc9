"""A real browser, and sites to look at; Debian's Chromium, since no other browser can be had."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagenetq.evaluate.leaderboard.site import Board, write_site
from site_entries import HOSTILE, result, standing

Open = Callable[..., Any]


def mixed() -> Board:
    """Three ranked entries, one in bf16, two demonstrations, one of them hostile."""
    strong, weak = result(0.9, 60, 1), result(0.45, 60, 2, model="torchvision/weak")
    small = result(0.8, 60, 3, model="timm/small", parameters=900_000, input_size=(96, 96))
    half = result(0.85, 60, 4, precision="bf16")
    other = result(0.7, 25, 5, source_digest="d" * 64, model="python/mine:net")
    hostile = result(
        0.6,
        25,
        6,
        source_digest="d" * 64,
        model=HOSTILE,
        arguments={"a": HOSTILE, "b": "$(touch x)"},
        hardware={HOSTILE: HOSTILE},
        warnings=(HOSTILE,),
    )
    return Board(
        (
            standing("weak", weak, title="Weak"),
            standing("strong", strong, title="Strong"),
            standing("small", small, title="Small", paper="https://example.org/paper"),
            standing("half", half, title="Half", unranked="computed in bf16, and only fp32 is"),
            standing("other", other, title="Other", is_registered=False),
            standing(
                "hostile",
                hostile,
                title=HOSTILE,
                is_registered=False,
                training_data=HOSTILE,
                notes=HOSTILE,
            ),
        )
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of `mixed`. Not to be changed by a test."""
    out = tmp_path_factory.mktemp("site") / "site"
    write_site(mixed(), out)
    return out


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a file's tests: while it runs, its process can run no other event loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium; apt-get install chromium")
    with playwright.sync_playwright() as started:
        # As root, and where a container allows no namespaces, there is no sandbox.
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Open]:
    """Opens a page from disk; at the end nothing may have gone wrong in it.

    No error may have been logged, and nothing asked of anywhere but the disk.
    """
    contexts, wrong = [], []

    def watch(page: Any) -> None:
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith("file:") else wrong.append(f"asked: {request.url}")
            ),
        )

    def open_page(
        path: Path, at: str = "", *, width: int = 1280, height: int = 900, **options: Any
    ) -> Any:
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(f"{path.as_uri()}{at}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
