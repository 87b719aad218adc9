"""Links lead somewhere, in the repository and where only the README is shown."""

import re
import runpy
import tomllib

import pytest
from markdown.extensions.toc import slugify

from documents import DOCUMENTS, ROOT, prose, text_of

_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
SETUP = runpy.run_path(str(ROOT / "setup.py"))


def targets(text: str) -> list[str]:
    return [match["target"] for match in _LINK.finditer(text)]


def anchors(document: str) -> set[str]:
    return {slugify(title, "-") for title in re.findall(r"^#+ (.*)$", prose(document), re.M)}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_to_a_file_and_a_heading(document: str) -> None:
    for target in targets(prose(document)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (ROOT / document).parent / path if path else ROOT / document
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.resolve().relative_to(ROOT).as_posix()), target


def test_no_link_of_the_readme_is_relative_where_a_package_index_shows_it() -> None:
    base = "https://example.org/us/imagenet-q"
    text = text_of("README.md")
    shown = SETUP["absolute"](text, base)
    relative = [target for target in targets(text) if not re.match(r"[a-z]+:", target)]
    assert len(relative) > 20
    assert [target for target in targets(shown) if not re.match("https://", target)] == []
    assert f"({base}/raw/HEAD/docs/preview.jpg)" in shown
    assert f"({base}/blob/HEAD/docs/scores.md)" in shown
    assert shown.count(base) == len(relative)


def test_links_around_pictures_become_absolute_too() -> None:
    text = "[![badge](a/b.svg)](docs/x.md) [here](#part) [there](https://x.org)"
    assert SETUP["absolute"](text, "https://e.org") == (
        "[![badge](https://e.org/raw/HEAD/a/b.svg)](https://e.org/blob/HEAD/docs/x.md) "
        "[here](#part) [there](https://x.org)"
    )


def test_the_address_of_the_repository_stands_in_one_place() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert SETUP["repository"]() == project["urls"]["Repository"]
    for document in (*DOCUMENTS, "mkdocs.yml", "docs/hooks.py", "setup.py"):
        assert SETUP["repository"]() not in text_of(document)


def test_the_readme_is_short_and_cites_this_version() -> None:
    text = text_of("README.md")
    assert len(text.splitlines()) <= 95
    assert "@@" not in text
    (version,) = re.findall(r"^version: (.*)$", text_of("CITATION.cff"), re.M)
    assert f"version = {{{version}}}" in text
    assert "title   = {ImageNet-Q: how image quality affects image classifiers}" in text


def test_what_the_readme_says_of_speed_and_scores_is_what_was_measured() -> None:
    readme = text_of("README.md")
    (seconds,) = re.findall(r"\[(\d+ s) on one H200\]", readme)
    assert f"**{seconds}**" in text_of("docs/performance.md")
    for score in re.findall(r"\d+\.\d % \((\d+\.\d to \d+\.\d)\)", readme):
        assert score in text_of("docs/reproduction.md")
