"""What the site's script makes of its data, in Python."""

from typing import Any

from imagenetq.evaluate.leaderboard.site.packed_numbers import DIGITS


def rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """As `rows` in `numbers.js`."""
    whole = {
        name: held
        if isinstance(held, list)
        else [held["values"][place] for place in held["places"]]
        for name, held in columns.items()
    }
    n = len(next(iter(whole.values()), []))
    return [{name: values[i] for name, values in whole.items()} for i in range(n)]


def unpacked(text: str) -> list[int]:
    """As `unpacked` in `numbers.js`."""
    pairs = zip(text[::2], text[1::2], strict=True)
    return [len(DIGITS) * DIGITS.index(high) + DIGITS.index(low) for high, low in pairs]
