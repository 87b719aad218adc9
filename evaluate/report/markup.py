"""What distortions, variants, classes and networks are called in figures and captions."""

import re

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|$#]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def key_letter(place: int) -> str:
    """A short key for the network at a place: A, B .. Z, A2, B2 .."""
    turn, letter = divmod(place, 26)
    return f"{chr(ord('A') + letter)}{turn + 1 if turn else ''}"


def markdown(text: str) -> str:
    """A text from anyone, with what Markdown would take for its own escaped."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def latex(text: str) -> str:
    """A text from anyone, with what LaTeX would take for its own escaped."""
    return "".join(_LATEX.get(character, character) for character in text)
