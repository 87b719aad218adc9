"""What a check says of an entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["FAIL", "WARN"]
"""FAIL: the entry is wrong, and cannot be taken. WARN: a human should look, or readers be told."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found."""

    level: Level
    """How bad it is."""

    text: str
    """One printable line: where, what, and what to do."""


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of an entry."""

    name: str
    """Of its folder."""

    findings: tuple[Finding, ...]
    """The worst first; empty if all is well."""

    @classmethod
    def of(cls, name: str, findings: Sequence[Finding]) -> "Verdict":
        """A verdict, its findings sorted."""
        return cls(name, tuple(sorted(findings, key=lambda finding: finding.level)))

    @property
    def status(self) -> Literal["OK", "WARN", "FAIL"]:
        """The level of the worst finding."""
        return self.findings[0].level if self.findings else "OK"


def fail(text: str) -> Finding:
    """The entry is wrong."""
    return Finding("FAIL", text)


def warn(text: str) -> Finding:
    """Somebody should know."""
    return Finding("WARN", text)
