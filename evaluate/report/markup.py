"""Escape texts for Markdown and LaTeX, and give networks short keys."""

import re
from collections.abc import Iterable, Sequence

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|$#]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def key_letter(number: int) -> str:
    """Give a network's key by its number, from 0: A to Z, then A2 to Z2, and so on."""
    turn, letter = divmod(number, 26)
    return f"{chr(ord('A') + letter)}{turn + 1 if turn else ''}"


def markdown(text: str) -> str:
    """Escape what Markdown would read as markup in a text from anyone."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def table(heads: Sequence[str], aligned: str, rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown; `aligned` has `l` or `r` for each column."""
    marks = {"l": "---|", "r": "---:|"}
    head, *body = [
        "|" + "".join(f" {markdown(cell)} |" if cell else " |" for cell in row)
        for row in (heads, *rows)
    ]
    return "\n".join([head, "|" + "".join(marks[side] for side in aligned), *body])


def latex(text: str) -> str:
    """Escape what LaTeX would read as markup in a text from anyone."""
    return "".join(_LATEX.get(character, character) for character in text)
