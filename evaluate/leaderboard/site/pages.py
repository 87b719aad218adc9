"""The pages, from templates that escape every text."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imagenetq.entry_scores import Estimate, Proportion
from imagenetq.evaluate.leaderboard.site import levels, words
from imagenetq.evaluate.leaderboard.site.board import Board, Section, Standing
from imagenetq.evaluate.leaderboard.site.ranking import Rank
from imagenetq.evaluate.report.words import TITLES
from imagenetq.specification import CLEAN, DATASET_VERSION, LADDERS

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
    "entry",
    "main",
)
"""The parts of the pages' script, in the order in which they are joined."""

_PACKAGE = "imagenetq.evaluate.leaderboard.site"
_SHADES = 10


def pages(board: Board, ranked: dict[str, Rank]) -> dict[str, str]:
    """All pages by their path in the site."""
    shared = {
        "sections": [_section(section, ranked) for section in board.sections],
        "n_entries": len(board.standings),
        "titles": TITLES,
        "sources": sorted({words.source_of(standing.entry) for standing in board.standings}),
        "sizes": sorted({words.size_words(s.entry) for s in board.standings}, key=_by_number),
        "datasets": [words.dataset_words(dataset) for dataset in board.datasets],
        "is_ranked": any(section.kind == "ranked" for section in board.sections),
        "ladders": levels.ladders_shown(),
        "clean": levels.clean_level(),
        "credit": levels.CREDIT,
        "side": levels.SIDE,
        "version": DATASET_VERSION,
    }
    made = {
        f"{name}.html": _render(f"{name}.html", page=name, root="", **shared)
        for name in ("index", "levels", "submit")
    }
    for standing in board.standings:
        made[f"entries/{standing.name}.html"] = _render(
            "entry.html",
            page="entry",
            root="../",
            standing=standing,
            rank=ranked.get(standing.name),
            scores=_scores(standing),
            falls=_falls(standing),
            commands=words.reproduction(standing.name, standing.entry),
            dataset=words.dataset_words(standing.dataset),
            kind=words.KINDS[standing.kind],
        )
    return made


def styles_and_scripts() -> dict[str, str]:
    """The style sheet and the scripts; `theme.js` runs before a page is painted."""
    parts = [_static(f"{name}.js") for name in SCRIPTS]
    joined = '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    return {
        "site.css": _static("site.css"),
        "theme.js": _static("theme.js"),
        "site.js": joined,
    }


def web_link(address: str | None) -> str | None:
    """An address that may become a link; None if it is not of the web."""
    if address is None:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.netloc else None


def _section(section: Section, ranked: dict[str, Rank]) -> dict[str, Any]:
    return {
        "kind": section.kind,
        "title": f"{words.KINDS[section.kind]}: {words.dataset_words(section.dataset)}",
        "note": words.dataset_note(section.dataset, section.kind),
        "rows": [_row(standing, ranked.get(standing.name)) for standing in section.standings],
    }


def _row(standing: Standing, rank: Rank | None) -> dict[str, Any]:
    entry, scores = standing.entry, standing.entry.scores
    measured = {
        "score": scores.score,
        "relative": scores.relative_score,
        "clean": scores.variants[CLEAN].top1 if CLEAN in scores.variants else None,
        **{name: scores.distortions[name].mean for name in TITLES},
    }
    return {
        "name": standing.name,
        "title": standing.submission.name,
        "rank": None if rank is None else rank.rank,
        "cells": [_cell(one) for one in measured.values()],
        "parameters": words.parameters_words(entry.model.parameters),
        "size": words.size_words(entry),
        "precision": entry.precision,
        "images": f"{entry.n_images:,}",
        "source": words.source_of(entry),
    }


def _cell(one: Estimate | Proportion | None) -> dict[str, Any] | None:
    if one is None:
        return None
    shade = max(0, min(_SHADES, int(_SHADES * one.value)))
    return {"value": words.percent(one.value), "range": words.interval(one), "shade": shade}


def _scores(standing: Standing) -> list[tuple[str, dict[str, Any] | None]]:
    cells = _row(standing, None)["cells"]
    titles = ["ImageNet-Q score", "Relative score", "Clean top-1"]
    return list(
        zip([*titles, *(f"{title}, mean" for title in TITLES.values())], cells, strict=True)
    )


def _falls(standing: Standing) -> list[tuple[str, str, str]]:
    held = standing.entry.scores.distortions
    return [
        (
            TITLES[ladder.distortion],
            words.crossing_words(held[ladder.distortion].falls_to_90, ladder.distortion),
            words.crossing_words(held[ladder.distortion].falls_to_50, ladder.distortion),
        )
        for ladder in LADDERS
    ]


def _by_number(size: str) -> tuple[int, str]:
    first = size.partition(words.TIMES)[0]
    return (int(first) if first.isdecimal() else 0, size)


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "web_link": web_link,
        "percent": words.percent,
        "interval": words.interval,
        "value_words": words.value_words,
        "parameters_words": words.parameters_words,
    }
    return environment


def _static(name: str) -> str:
    return (files(_PACKAGE) / "static" / name).read_text(encoding="utf-8")
