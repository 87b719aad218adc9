"""Ask a service again while it is busy or drops connections."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from imagenetq.progress import say
from imagenetq.remote_errors import reason_of, seconds_to_wait

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_LONGEST_PAUSE = 16.0


class StorageError(OSError):
    """A failure of a remote storage; the message is one line."""


class Interrupted(StorageError):
    """A failure of a remote storage that may pass: it is busy, or a connection was lost."""


@dataclass(frozen=True)
class Patience:
    """The time to go on asking a service that fails."""

    seconds: float = 60.0
    """Seconds until giving up, of time since the first failure in a row or of pauses, whichever is
    more. Anything read starts it anew, and pauses that the service demands do not count."""

    first_pause: float = 1.0
    """Seconds before the second attempt; each further pause is twice as long, up to 16 seconds."""


def is_interrupted(error: Exception) -> bool:
    """Tell whether a storage's failure may pass."""
    return isinstance(error, Interrupted)


def retried(
    ask: Callable[[], Result],
    patience: Patience,
    *,
    passes: Callable[[Exception], bool] = is_interrupted,
    what: str | None = None,
    quiet: bool = False,
) -> Result:
    """Ask a service, and ask it again while it fails in ways that may pass, as `passes` tells.

    The user is told of pauses unless it is to be quiet; `what` is what is attempted, in words, or
    None if the failure itself says it. The last failure is raised, of a storage as a
    `StorageError`.
    """
    failures = 0
    paused = begun = 0.0
    while True:
        try:
            return ask()
        except Exception as error:
            if not passes(error):
                raise
            now = time.monotonic()
            # Counted from the first failure, since a request may take a minute before it fails.
            begun = begun if failures else now
            pause = min(patience.first_pause * 2.0**failures, _LONGEST_PAUSE)
            failures += 1
            if max(now - begun, paused) + pause > patience.seconds:
                if not isinstance(error, Interrupted):
                    raise
                raise StorageError(
                    f"{error}, {failures} times in a row; run the same command again to go on"
                ) from error
            paused += pause
            demanded = max(0.0, seconds_to_wait(error) - pause)
            begun += demanded
            if not quiet:
                failure = str(error) if what is None else f"{what}: {reason_of(error)}"
                say(f"{failure}; asking again in {pause + demanded:.0f} s")
            time.sleep(pause + demanded)


def resumed(
    read: Callable[[], Generator[Piece, None, None]], patience: Patience
) -> Generator[Piece, None, None]:
    """Read a file in pieces, and again from its beginning if the storage is interrupted.

    `read` must give the same pieces each time. Those that were handed out before are skipped, so
    each is handed out exactly once.
    """
    opened = read()
    pieces: Iterator[Piece] = opened
    n_given = 0

    def next_piece() -> list[Piece]:
        nonlocal opened, pieces
        try:
            return list(islice(pieces, 1))
        except Interrupted:
            opened = read()
            pieces = islice(opened, n_given, None)
            raise

    try:
        while piece := retried(next_piece, patience, quiet=True):
            n_given += 1
            yield from piece
    finally:
        opened.close()
