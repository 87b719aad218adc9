"""The documents that users read, and what stands in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCUMENTS = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.md", "docs/**/*.md", "leaderboard/*.md", "benchmarks/*.md")
        for path in ROOT.glob(pattern)
    )
)

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<text>.*?)^ *```", re.M | re.S
)


class Fence(NamedTuple):
    """A block of code.

    Attributes:
        document: path from the repository's root.
        language: what stands after the ticks.
        title: of the block; empty if it has none.
        text: the code.
    """

    document: str
    language: str
    title: str
    text: str


def text_of(document: str) -> str:
    """A document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def fences(language: str) -> list[Fence]:
    """All documents' blocks in a language."""
    return [
        Fence(
            document,
            language,
            (re.findall(r'title="(.*?)"', match["info"]) or [""])[0],
            re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M),
        )
        for document in DOCUMENTS
        for match in _FENCE.finditer(text_of(document))
        if match["language"] == language
    ]


def prose(document: str) -> str:
    """A document's text without its blocks of code."""
    return _FENCE.sub("", text_of(document))
