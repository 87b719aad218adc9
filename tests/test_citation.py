"""`CITATION.cff` is valid Citation File Format 1.2.0, and agrees with the package and the card."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]

# From the format's specification: what a file, a person or entity, and a reference must have.
REQUIRED = {"authors", "cff-version", "message", "title"}
ALLOWED = REQUIRED | {
    *("abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords"),
    *("license", "license-url", "preferred-citation", "references", "repository"),
    *("repository-artifact", "repository-code", "type", "url", "version"),
}
PERSON = {"affiliation", "alias", "email", "family-names", "given-names", "name-particle", "orcid"}
REFERENCE = {"authors", "title", "type"}
REFERENCE_TYPES = {"article", "conference-paper", "data", "dataset", "software"}
IDENTIFIERS = {"doi", "other", "swh", "url"}


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def require_names(authors: list[dict[str, str]]) -> None:
    assert authors
    for author in authors:
        assert set(author) <= PERSON or set(author) == {"name"}
        assert all(isinstance(value, str) and value for value in author.values())


def test_it_has_what_the_format_requires_and_nothing_else(citation: dict[str, Any]) -> None:
    assert set(citation) >= REQUIRED
    assert set(citation) <= ALLOWED
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in ("software", "dataset")
    assert isinstance(citation["version"], str)
    assert len(set(citation["keywords"])) == len(citation["keywords"])
    require_names(citation["authors"])


def test_its_references_are_whole(citation: dict[str, Any]) -> None:
    for reference in citation["references"]:
        assert set(reference) >= REFERENCE
        assert reference["type"] in REFERENCE_TYPES
        assert 1900 < reference["year"] < 2100
        require_names(reference["authors"])
        assert {"name"} == set(reference.get("conference", {"name": ""}))
        for identifier in reference.get("identifiers", []):
            assert set(identifier) == {"type", "value"}
            assert identifier["type"] in IDENTIFIERS


def test_it_agrees_with_the_package_and_the_card(citation: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert [author["name"] for author in citation["authors"]] == ["The ImageNet-Q authors"]
    card = (ROOT / "dataset_card.md").read_text(encoding="utf-8")
    titles = {title.strip("{}") for title in re.findall(r"(?m)^ *title\s*= \{(.*?)\},\n", card)}
    assert {reference["title"] for reference in citation["references"]} == titles
    paper = citation["references"][0]
    assert paper["url"].rpartition("/")[2] in paper["identifiers"][0]["value"]
    assert paper["url"] in card
