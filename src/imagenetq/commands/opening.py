"""Opening what commands are given, without a silence: both may take seconds."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagenetq.builder.sources import Source
    from imagenetq.evaluate.results import Result


def open_source(name: str) -> "Source":
    """The source of photographs that an argument names."""
    from imagenetq.progress import working

    with working(f"opening {name}"):
        # Sources are the builder's, also for commands that evaluate.
        from imagenetq import builder

        return builder.open_source(name)


def read_result(folder: Path) -> "Result":
    """The result in a folder."""
    from imagenetq.progress import working

    with working(f"reading {folder}"):
        from imagenetq.evaluate.results import Result

        return Result.read(folder)
