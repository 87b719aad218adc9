"""Make words for messages."""


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """Put a number of things in words: `1 problem`, `2 problems`, `3 entries`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
