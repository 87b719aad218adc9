"""Show progress: a bar or a spinner on a terminal, a line now and then in a log."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.filesize import decimal
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

Unit = Literal["photographs", "pictures", "images", "entries"]
"""What is counted: `photographs` are ImageNet's originals and `pictures` other originals, `images`
are variants as rows or inputs, and `entries` are results."""

_LOG_SECONDS = 15.0

_BAR_SHARE = 8
"""Number by which a terminal's width is divided for the bar; the numbers beside it say more."""

_NUMBERS = 57
"""Columns of the terminal for the longest name, count and times, to which the bar gives way."""


_displays: list[Progress] = []
"""Displays on the terminal, the outermost first; only the last is shown."""


@dataclass(frozen=True)
class Tally:
    """The progress of all workers together."""

    images: int
    """Number of items done, including those found done; in the meter's unit."""

    already_done: int
    """Number of items that were found done."""

    bytes: int
    """Bytes of the image files made or read."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.images + other.images,
            self.already_done + other.already_done,
            self.bytes + other.bytes,
        )


class Meter:
    """A display of how far a stage of work has come: count, rate, time left and bytes.

    On a terminal it is a bar, elsewhere a line every 15 seconds. Both go to standard error, so that
    standard output holds nothing but the command's result.
    """

    def __init__(self, label: str, total: int, unit: Unit, progress: Progress | None) -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self._progress = progress
        self._task = progress.add_task(label, total=total or None, facts=()) if progress else None
        self._start = time.monotonic()
        self._last_line = self._start
        self.tally = Tally(0, 0, 0)

    def advance(self, count: int) -> None:
        """Count work that this process has done."""
        self.show(self.tally + Tally(count, 0, 0))

    def show(self, tally: Tally, details: Sequence[str] = ()) -> None:
        """Show a tally, which counts from the start of the stage, and further facts.

        The most important come first, since a narrow terminal has no room for all.
        """
        self.tally = tally
        now = time.monotonic()
        rate = (tally.images - tally.already_done) / max(now - self._start, 1e-9)
        speed = f"{rate:.{0 if rate >= 100 else 2}f} {self.unit}/s" if rate else ""
        size = decimal(tally.bytes) if tally.bytes else ""
        if self._progress is not None and self._task is not None:
            facts = [fact for fact in (speed, size, *details) if fact]
            self._progress.update(self._task, completed=tally.images, facts=facts)
        elif now - self._last_line >= _LOG_SECONDS:
            self._last_line = now
            of_all = f" of {self.total}" if self.total else ""
            left = f"{(self.total - tally.images) / rate:.0f} s left" if rate and of_all else ""
            facts = [f"{tally.images}{of_all} {self.unit}", speed, size, left, *details]
            say(f"{self.label}: {', '.join(fact for fact in facts if fact)}")


@contextmanager
def meter(
    label: str, total: int, unit: Unit = "images", console: Console | None = None
) -> Iterator[Meter]:
    """Show a meter during one stage of work; `total` is 0 if it is not known."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield Meter(label, total, unit, None)
        return
    bar = max(1, min(console.width // _BAR_SHARE, console.width - _NUMBERS))
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=bar),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _FactsColumn(),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )
    with _shown(*columns, console=console) as progress:
        yield Meter(label, total, unit, progress)


class _FactsColumn(ProgressColumn):
    """A column of the facts that the other columns leave room for."""

    max_refresh = None

    def __init__(self) -> None:
        super().__init__(Column(ratio=1, no_wrap=True))

    def render(self, task: Task) -> "_Facts":
        return _Facts(task.fields["facts"])


@dataclass(frozen=True)
class _Facts:
    """Facts in one line, of which any that does not fit is left out whole."""

    facts: Sequence[str]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(0, options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = ""
        for fact in self.facts:
            longer = f"{line}, {fact}" if line else fact
            if len(longer) <= options.max_width:
                line = longer
        yield Text(line)


@contextmanager
def working(label: str, console: Console | None = None) -> Iterator[None]:
    """Show what is being done if it cannot be counted, such as loading a library.

    On a terminal a spinner turns at once; elsewhere a line appears if it takes over 15 seconds.
    """
    console = console or Console(stderr=True)
    if console.is_terminal:
        columns = (
            SpinnerColumn(),
            # A path may be longer than the line, and with a second line the display would jump.
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
        )
        with _shown(*columns, console=console) as progress:
            progress.add_task(label, total=None)
            yield
        return
    timer = Timer(_LOG_SECONDS, say, (label,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _shown(*columns: ProgressColumn, console: Console) -> Iterator[Progress]:
    """Show a display, and hide the one around it meanwhile."""
    outer = _displays[-1] if _displays else None
    if outer is not None:
        outer.stop()
    progress = Progress(*columns, console=console, transient=True, expand=True)
    _displays.append(progress)
    try:
        with progress:
            yield progress
    finally:
        _displays.pop()
        if outer is not None:
            outer.start()


def say(line: str) -> None:
    """Print a line for the user on standard error."""
    print(line, file=sys.stderr, flush=True)


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
