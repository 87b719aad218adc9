"""Escape texts for Markdown and LaTeX, and give networks short keys."""

import re

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|$#]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def key_letter(place: int) -> str:
    """Give a short key for the network at a place, from 0: A to Z, then A2 to Z2, and so on."""
    turn, letter = divmod(place, 26)
    return f"{chr(ord('A') + letter)}{turn + 1 if turn else ''}"


def markdown(text: str) -> str:
    """Escape what Markdown would read as markup in a text from anyone."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def latex(text: str) -> str:
    """Escape what LaTeX would read as markup in a text from anyone."""
    return "".join(_LATEX.get(character, character) for character in text)
