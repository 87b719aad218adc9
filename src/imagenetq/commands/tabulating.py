"""Define the command that makes a table of many results: results."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagenetq.commands.common import OUTPUT, explains_errors, note, option
from imagenetq.commands.opening import read_results
from imagenetq.errors import UsageError
from imagenetq.words import counted

if TYPE_CHECKING:
    from imagenetq.evaluate.results.result import Result

_READ_AT_ONCE = 8
"""Number of results read at once; one of the full subset takes some 20 MB of memory."""


@explains_errors
def results(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Of results' folders, such as eval's --out.")
    ] = Path("results"),
    csv: Annotated[
        Path | None, option("Write the table there, not here.", panel=OUTPUT, metavar="FILE")
    ] = None,
) -> None:
    """Tabulate results in the columns of timm's results folder, the best score first."""
    from imagenetq.entry import ENTRY_NAME

    folders = sorted(path.parent for path in folder.glob(f"*/{ENTRY_NAME}"))
    if not folders:
        raise UsageError(f"{folder}: no results in it; name the folder that eval's --out named")
    from imagenetq.evaluate.results.timm_table import TableRow, timm_table
    from imagenetq.files import write_whole

    rows = {}
    for path, result in _one_dataset(folders):
        row = TableRow.of(result)
        if row is None:
            note(f"{path}: left out; not all scored variants and clean were evaluated")
        else:
            rows[path.name] = row
    if not rows:
        raise UsageError(
            f"{folder}: no result of all scored variants in it; run eval without --only"
        )
    # The names of their folders tell several results of one model apart.
    named = Counter(row.name for row in rows.values())
    table = timm_table(
        [row if named[row.name] == 1 else replace(row, name=name) for name, row in rows.items()]
    )
    if csv is None:
        print(table, end="")
        return
    write_whole(csv, table.encode())
    print(f"{csv}: {counted(len(rows), 'network')}")


def _one_dataset(folders: list[Path]) -> "Iterator[tuple[Path, Result]]":
    """Read each result, and require that all are of the same images."""
    from imagenetq.evaluate.results.basis import doubt_about, require_one_dataset

    first: Result | None = None
    for start in range(0, len(folders), _READ_AT_ONCE):
        some = folders[start : start + _READ_AT_ONCE]
        for path, result in zip(some, read_results(some), strict=True):
            if first is None:
                first = result
                doubt = doubt_about(result.entry)
                if doubt is not None:
                    note(f"warning: {doubt}")
            require_one_dataset([first, result])
            yield path, result
