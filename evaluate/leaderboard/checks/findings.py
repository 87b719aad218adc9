"""Define what a check says of an entry: findings, and a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["FAIL", "WARN"]
"""FAIL: the entry is wrong, and cannot be taken. WARN: a human should look, or readers be told."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found."""

    level: Level
    text: str
    """One printable line that says where, what, and what to do."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of all checks of an entry."""

    name: str
    """Name of the entry's folder."""

    findings: tuple[Finding, ...]
    """Findings, the worst first; empty if all is well."""

    @classmethod
    def of(cls, name: str, findings: Sequence[Finding]) -> "Verdict":
        """Make a verdict, and sort its findings."""
        return cls(name, tuple(sorted(findings, key=lambda finding: finding.level)))

    @property
    def status(self) -> Literal["OK", "WARN", "FAIL"]:
        """The level of the worst finding."""
        return self.findings[0].level if self.findings else "OK"


def fail(text: str) -> Finding:
    """Make a finding that the entry is wrong."""
    return Finding("FAIL", text)


def warn(text: str) -> Finding:
    """Make a finding that somebody should know of."""
    return Finding("WARN", text)
