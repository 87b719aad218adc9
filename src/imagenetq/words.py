"""Make words for messages."""

import difflib
from collections.abc import Iterable, Sequence


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """Put a number of things in words: `1 problem`, `2 problems`, `3 entries`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def did_you_mean(
    name: str, known: Iterable[str], others: Sequence[str] = (), cutoff: float = 0.5
) -> str:
    """Suggest known names like one, or others if none is: `; did you mean vgg16 or vgg19?`."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff) or others
    return f"; did you mean {' or '.join(near)}?" if near else ""
