"""`CITATION.cff` is valid Citation File Format 1.2.0, and agrees with the package and the card."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from imagenetq import __version__
from imagenetq.builder.card.card import AUTHORS, YEAR, citation
from imagenetq.manifest import Manifest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "CITATION.cff"


@pytest.fixture(scope="module")
def cited() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def is_valid(file: Path) -> bool:
    schema = ["--builtin-schema", "vendor.citation-file-format"]
    return CliRunner().invoke(check_jsonschema, [*schema, str(file)]).exit_code == 0


def test_it_is_valid_by_the_formats_schema(tmp_path: Path) -> None:
    assert is_valid(FILE)
    damaged = tmp_path / "CITATION.cff"
    damaged.write_text(FILE.read_text(encoding="utf-8").replace("family-names", "surname", 1))
    assert not is_valid(damaged)


def test_it_agrees_with_the_package(cited: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["version"], cited["license"]) == (__version__, project["license"])
    assert cited["repository-code"] == project["urls"]["Repository"]
    assert cited["authors"] == project["authors"] == [{"name": AUTHORS}]


def test_it_agrees_with_the_card(cited: dict[str, Any]) -> None:
    card = (ROOT / "dataset_card.md").read_text(encoding="utf-8")
    titles = {title.strip("{}") for title in re.findall(r"(?m)^ *title\s*= \{(.*?)\},\n", card)}
    assert {reference["title"] for reference in cited["references"]} == titles
    entry = citation(
        Manifest.model_construct(dataset_version="1.0.0", subset="full", pixel_digest="0" * 64)
    )
    assert f"  title  = {{{{{cited['title']}}}}},\n  author = {{{{{AUTHORS}}}}},\n" in entry
    assert f"  year   = {{{YEAR}}},\n" in entry
    paper = cited["references"][0]
    assert paper["url"].rpartition("/")[2] in paper["identifiers"][0]["value"]
    assert paper["url"] in card
