"""Define one process's share of a build's units, where several build the same dataset."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from imagenetq.errors import UsageError

Unit = TypeVar("Unit")


@dataclass(frozen=True)
class Share:
    """Every `count`-th unit, from unit `number - 1` on."""

    number: int
    """Number of the share, from 1."""

    count: int
    """Number of shares."""

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def tag(self) -> str:
        """The share's name as a part of file names."""
        return f"{self.number}of{self.count}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a share from its text `I/N`, such as `2/8`.

        Raises:
            UsageError: the text has another form, or I is not in 1..N.
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"no share {text!r}; give I/N with I from 1 to N, such as 2/8")
        return cls(int(match[1]), int(match[2]))

    def of(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Give this share of all units; each unit is in exactly one share."""
        return units[self.number - 1 :: self.count]
