"""Opening what commands are given, without a silence: both may take seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagenetq.builder.sources import Source
    from imagenetq.evaluate.results.result import Result


def open_source(name: str) -> "Source":
    """The source of photographs that an argument names."""
    from imagenetq.progress import working

    with working(f"opening {name}"):
        # Sources are the builder's, also for commands that evaluate.
        from imagenetq import builder

        return builder.open_source(name)


def read_results(folders: Sequence[Path]) -> "list[Result]":
    """Read the results in some folders."""
    from imagenetq.confined import Confined
    from imagenetq.progress import working

    # Started first, its process imports what it needs while this one does.
    with Confined() as confined, working("reading results"):
        from imagenetq.evaluate.results.result import Result

        return Result.read_all(folders, confined)
