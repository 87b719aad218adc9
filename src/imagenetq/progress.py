"""Progress: a bar on a terminal, a quiet line now and then in a log."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_LOG_SECONDS = 15.0


@dataclass(frozen=True)
class Tally:
    """How far all workers together have come.

    Attributes:
        images: worked on, including those found done.
        already_done: images found done.
        bytes: of image files made or read.
    """

    images: int
    already_done: int
    bytes: int


class Meter:
    """Shows how far a stage of work has come: images, images/s, time left and bytes.

    On a terminal this is a bar; elsewhere a line every 15 seconds. Both go to standard error, so
    that standard output stays the command's result.
    """

    def __init__(self, label: str, total: int, progress: Progress | None) -> None:
        self.label = label
        self.total = total
        self._progress = progress
        self._task = (
            progress.add_task(label, total=total, rate="", size="", detail="") if progress else None
        )
        self._start = time.monotonic()
        self._last_line = self._start
        self.tally = Tally(0, 0, 0)

    def advance(self, images: int) -> None:
        """Count images, for work in this process."""
        self.show(Tally(self.tally.images + images, 0, 0))

    def show(self, tally: Tally, detail: str = "") -> None:
        """Show a tally, which counts from the start of the stage, and what else is to be said."""
        self.tally = tally
        now = time.monotonic()
        rate = (tally.images - tally.already_done) / max(now - self._start, 1e-9)
        speed = f"{rate:.2f} images/s" if rate else ""
        size = decimal(tally.bytes) if tally.bytes else ""
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task, completed=tally.images, rate=speed, size=size, detail=detail
            )
        elif now - self._last_line >= _LOG_SECONDS:
            self._last_line = now
            left = f"{(self.total - tally.images) / rate:.0f} s left" if rate else ""
            facts = [f"{tally.images} of {self.total} images", speed, size, left, detail]
            say(f"{self.label}: {', '.join(fact for fact in facts if fact)}")


@contextmanager
def meter(label: str, total: int) -> Iterator[Meter]:
    """A meter for one stage of work on `total` images."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Meter(label, total, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[size]}"),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Meter(label, total, progress)


def say(line: str) -> None:
    """Tell the user something, on standard error."""
    print(line, file=sys.stderr, flush=True)


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
