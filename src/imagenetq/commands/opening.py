"""Open the sources, results and labels that commands are given, which may take seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagenetq.builder.sources import Source
    from imagenetq.evaluate.results.labels import Labels
    from imagenetq.evaluate.results.result import Result


def open_source(name: str) -> "Source":
    """Open the source of photographs that an argument names."""
    from imagenetq.progress import working

    with working(f"opening {name}"):
        # Only the builder opens sources, even for commands that evaluate.
        from imagenetq import builder

        return builder.open_source(name)


def read_results(folders: Sequence[Path]) -> "list[Result]":
    """Read the results in some folders."""
    from imagenetq.confined import Confined
    from imagenetq.progress import working

    # It is started first, so that its process imports while this one does.
    with Confined() as confined, working("reading results"):
        from imagenetq.evaluate.results.result import Result

        return Result.read_all(folders, confined)


def read_labels(path: Path) -> "Labels":
    """Read the labels in a file."""
    from imagenetq.evaluate.results.labels import Labels

    return Labels.read(path)
