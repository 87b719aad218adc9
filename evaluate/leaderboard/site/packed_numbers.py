"""Write small whole numbers in two characters each, where JSON would take four or five.

`unpacked` in `static/numbers.js` reads them.
"""

from collections.abc import Iterable

DIGITS = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\<>&')
"""The 90 characters that JSON and a script hold as they are."""

MOST = len(DIGITS) ** 2 - 1
"""The greatest number that two characters can hold."""


def packed(numbers: Iterable[int]) -> str:
    """Write numbers from 0 to `MOST`, each as two of `DIGITS`, the higher digit first."""
    base = len(DIGITS)
    return "".join(DIGITS[number // base] + DIGITS[number % base] for number in numbers)
