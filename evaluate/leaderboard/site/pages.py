"""Make the pages from templates that escape every text."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from imagenetq.entry import Entry
from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site import labels as words
from imagenetq.evaluate.leaderboard.site import level_gallery as levels
from imagenetq.evaluate.leaderboard.site.board import Board, Section, Standing
from imagenetq.evaluate.leaderboard.site.ranking import Rank
from imagenetq.evaluate.results import format as numbers
from imagenetq.evaluate.results.names import TITLES
from imagenetq.specification import DATASET_VERSION

if TYPE_CHECKING:
    from jinja2 import Environment

SCRIPTS = (
    "elements",
    "numbers",
    "address",
    "table",
    "chosen",
    "charts",
    "curves",
    "scatter",
    "comparison",
    "consistency",
    "entry",
    "main",
)
"""Names of the parts of the pages' script, in the order in which they are joined."""

PAGES = ("index", "entry", "levels", "submit")

_PACKAGE = "imagenetq.evaluate.leaderboard.site"


def pages(board: Board, ranked: Mapping[str, Rank]) -> dict[str, str]:
    """Make all pages, by their path in the site; `entry.html` shows any entry, from the data."""
    shared = {
        "sections": [_section(section, ranked) for section in board.sections],
        "n_entries": len(board.standings),
        "titles": TITLES,
        "sources": sorted({words.source_of(standing.entry) for standing in board.standings}),
        "sizes": sorted({_size(s.entry) for s in board.standings}, key=_side),
        "datasets": [words.dataset_words(dataset) for dataset in board.datasets],
        "is_ranked": any(section.kind == "ranked" for section in board.sections),
        "ladders": levels.ladders_shown(),
        "clean": levels.clean_level(),
        "credit": levels.CREDIT,
        "side": levels.SIDE,
        "version": DATASET_VERSION,
    }
    template = _environment().get_template
    return {f"{name}.html": template(f"{name}.html").render(page=name, **shared) for name in PAGES}


def styles_and_scripts() -> dict[str, str]:
    """Give the style sheet and the scripts by path; `theme.js` runs before a page is painted."""
    parts = [_static(f"{name}.js") for name in SCRIPTS]
    joined = '"use strict";\n(async () => {\n' + "\n".join(parts) + "})();\n"
    # The charts' library and its licences, as they were published.
    vendored = json.loads(_static("vendor/vendored.json"))
    licences = [facts["license_file"] for facts in vendored.values()]
    names = ["site.css", "theme.js", *(f"vendor/{name}" for name in (*vendored, *licences))]
    return {"site.js": joined} | {name: _static(name) for name in names}


def _section(section: Section, ranked: Mapping[str, Rank]) -> dict[str, Any]:
    return {
        "kind": section.kind,
        "title": f"{words.KINDS[section.kind]}: {words.dataset_words(section.dataset)}",
        "note": words.dataset_note(section.dataset, section.kind),
        "rows": [_row(standing, ranked.get(standing.name)) for standing in section.standings],
    }


def _row(standing: Standing, rank: Rank | None) -> dict[str, Any]:
    entry = standing.entry
    return {
        "name": standing.name,
        "title": standing.submission.name,
        "rank": None if rank is None else rank.rank,
        "cells": [_cell(one) for one in words.measured(entry)],
        "parameters": numbers.parameters(entry.model.parameters, "M"),
        "size": _size(entry),
        "precision": entry.precision,
        "images": f"{entry.n_images:,}",
        "source": words.source_of(entry),
    }


def _cell(one: Estimate | Proportion | None) -> dict[str, Any] | None:
    if one is None:
        return None
    shade = max(0, min(10, int(10 * one.value)))
    return {"value": words.percent(one.value), "range": words.interval(one), "shade": shade}


def _size(entry: Entry) -> str:
    return numbers.input_size(entry.model.input_size)


def _side(size: str) -> tuple[int, str]:
    first = size.partition(words.TIMES)[0]
    return (int(first) if first.isdecimal() else 0, size)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _static(name: str) -> str:
    return (files(_PACKAGE) / "static" / name).read_text(encoding="utf-8")
