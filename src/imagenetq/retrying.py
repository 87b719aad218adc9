"""Patience with a storage that is busy or drops connections."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from imagenetq.progress import say

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_LONGEST_PAUSE = 16.0

ANOTHER_ANSWERED = (
    "a proxy or a login page may have answered instead; check the network, and the proxy's settings"
)
"""Why a server's answer may be something else, and the way out."""

MISREAD = f"its answer makes no sense, so {ANOTHER_ANSWERED}"
"""What to say where `is_misread`."""


def is_misread(error: BaseException) -> bool:
    """Whether a client could make nothing of an answer that said that all was well."""
    kinds = (AttributeError, IndexError, KeyError, TypeError, json.JSONDecodeError)
    return isinstance(error, kinds)


class StorageError(OSError):
    """A remote storage failed; the message is one line."""


class Interrupted(StorageError):
    """A remote storage failed in a way that may pass: it is busy, or a connection was lost."""


@dataclass(frozen=True)
class Patience:
    """How long to go on asking a storage that fails.

    Attributes:
        seconds: from the first failure in a row until giving up; anything read starts it anew.
        first_pause: seconds before the second attempt; each further pause is twice as long, up to
            16 seconds.
    """

    seconds: float = 60.0
    first_pause: float = 1.0


def retried(ask: Callable[[], Result], patience: Patience) -> Result:
    """The answer of a storage, asked again while it is interrupted, which the user is told.

    Raises:
        StorageError: it failed for good, or for too long.
    """
    attempts = _Attempts(patience)
    while True:
        try:
            return ask()
        except Interrupted as error:
            pause = attempts.next_pause(error)
            say(f"{error}; asking again in {pause:.0f} s")
            time.sleep(pause)


def resumed(
    read: Callable[[], Generator[Piece, None, None]], patience: Patience
) -> Generator[Piece, None, None]:
    """Read a file in pieces, again from its beginning when the storage is interrupted.

    Pieces that were handed out are passed over, so each is handed out exactly once.

    Args:
        read: reads the file; must give the same pieces each time.
        patience: how long to go on.

    Raises:
        StorageError: it failed for good, or for too long.
    """
    attempts = _Attempts(patience)
    done = 0
    while True:
        try:
            with closing(read()) as pieces:
                for piece in islice(pieces, done, None):
                    attempts.forget()
                    done += 1
                    yield piece
            return
        except Interrupted as error:
            time.sleep(attempts.next_pause(error))


class _Attempts:
    """Counts failures in a row."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._since = 0.0

    def forget(self) -> None:
        """Something was read."""
        self._failures = 0

    def next_pause(self, error: Interrupted) -> float:
        """How many seconds to wait now, unless that would be too long."""
        now = time.monotonic()
        if self._failures == 0:
            self._since = now
        pause = min(self._patience.first_pause * 2.0**self._failures, _LONGEST_PAUSE)
        self._failures += 1
        if now - self._since + pause > self._patience.seconds:
            raise StorageError(
                f"{error}, {self._failures} times in a row; run the same command again to go on"
            ) from error
        return pause
