"""Read networks' scores in other benchmarks from a CSV file that the user gives."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.errors import UsageError
from imagenetq.files import read_bounded, unreadable_as

MAX_BYTES = 2**20
"""Greatest size in bytes of a file of scores; a larger one is not read."""

_MAX_COLUMNS = 50
_SHOWN = 60


@dataclass(frozen=True)
class OtherScores:
    """Networks' scores in other benchmarks."""

    name: str
    """Name of the file."""

    columns: tuple[str, ...]
    """Names of the scores."""

    rows: dict[str, tuple[float | None, ...]]
    """The scores of each network by its name, one per column; None where the file has none."""

    @classmethod
    def read(cls, path: Path | str) -> "OtherScores":
        """Read a file whose first line names its columns, and whose first column names networks.

        Raises:
            UsageError: the file cannot be read, or its content is not of this form.
        """
        path = Path(path)
        with unreadable_as(UsageError, path):
            data = read_bounded(path, MAX_BYTES)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError(f"{path}: no text in UTF-8; save it as such") from None
        try:
            lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise UsageError(f"{path}: no CSV ({error})") from None
        columns = _columns(lines, path)
        rows: dict[str, tuple[float | None, ...]] = {}
        for number, line in enumerate(lines[1:], 2):
            if not any(cell.strip() for cell in line):
                continue
            if len(line) != len(columns) + 1:
                raise UsageError(
                    f"{path}: line {number} has {len(line)} cells, but line 1 names "
                    f"{len(columns) + 1} columns"
                )
            name = line[0].strip()
            if name in rows:
                raise UsageError(f"{path}: line {number}: {name[:_SHOWN]!a} is there twice")
            rows[name] = tuple(_number(cell, number, path) for cell in line[1:])
        return cls(path.name, columns, rows)

    def of(self, names: Sequence[Sequence[str]]) -> dict[str, list[float | None]]:
        """Look up the scores of networks, by column; None where a network has none.

        Each network comes with the names that it may have in the file, the preferred first.
        """
        rows = [
            next((self.rows[name] for name in aliases if name in self.rows), None)
            for aliases in names
        ]
        if not any(rows):
            known = ", ".join(f"{name[:_SHOWN]!a}" for name in list(self.rows)[:3]) or "none"
            raise UsageError(
                f"{self.name}: has no row of {names[0][0]!a} or another of the networks; it has "
                f"{known}; its first column must hold the names that the report uses"
            )
        return {
            column: [None if row is None else row[i] for row in rows]
            for i, column in enumerate(self.columns)
        }


def _columns(lines: list[list[str]], path: Path) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in lines[0][1:]) if lines else ()
    if not columns or not all(column and column.isprintable() for column in columns):
        raise UsageError(
            f"{path}: its first line must name columns: the network's name, then scores"
        )
    if len(set(columns)) < len(columns) or len(columns) > _MAX_COLUMNS:
        raise UsageError(f"{path}: at most {_MAX_COLUMNS} columns, each name once")
    return columns


def _number(cell: str, line: int, path: Path) -> float | None:
    if not cell.strip():
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{path}: line {line}: {cell.strip()[:_SHOWN]!a} is no number")
    return value
