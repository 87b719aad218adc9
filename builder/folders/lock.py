"""A lock in an object store, where nothing locks: a claim that its owner renews.

A build writes who it is, and every few seconds that it is alive. Another one that finds a claim
watches whether it is renewed: by comparing what it reads, so no two clocks have to agree. A claim
of the same machine is void at once, because a lock on this machine shows that its owner has died.

What it cannot do: a build whose machine was cut off from the storage for longer than `LEASE`, and
then comes back, notices that it was taken over only at its next unit. Where a storage creates
objects exclusively (S3 and Google's do), two builds that begin at once are told apart; elsewhere
both read back what was written, and the last one stays.
"""

import socket
import threading
import time
import uuid
from typing import Protocol, Self

from pydantic import ValidationError

from imagenetq.builder.folders.base import STATE, Hold
from imagenetq.errors import FolderError
from imagenetq.manifest import Model
from imagenetq.progress import say

LOCK = f"{STATE}/lock"

LEASE = 45.0
"""Seconds without a sign of life after which a claim is void."""

_BEAT = 10.0
_POLL = 3.0


class Claim(Model):
    """What the lock says.

    Attributes:
        owner: the build.
        machine: that it runs on.
        host: that machine's name, for people.
        beat: how often it was renewed.
    """

    owner: str
    machine: str
    host: str
    beat: int = 0


class Objects(Protocol):
    """Where the lock lies."""

    def at(self, path: str) -> str:
        """An object's URL."""

    def read(self, path: str) -> bytes:
        """An object."""

    def write(self, path: str, data: bytes) -> None:
        """Write an object whole."""

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless it exists; whether it did not."""

    def remove(self, path: str) -> None:
        """Remove an object, if it is there."""


class ObjectLock(Hold):
    """A claim to a folder; leaving its context gives it up."""

    def __init__(self, folder: Objects, machine: str) -> None:
        """Prepare a claim.

        Args:
            folder: to claim.
            machine: this machine's id, under which no other build claims the folder now.
        """
        self._folder = folder
        self._claim = Claim(owner=uuid.uuid4().hex, machine=machine, host=socket.gethostname())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        found = self._read()
        if found is not None or not self._folder.create(LOCK, self._json()):
            found = found or self._read()
            if found is not None and found.machine != self._claim.machine:
                self._watch(found)
                self._folder.write(LOCK, self._json())
                # Another build may have watched as long, and write as well.
                time.sleep(_POLL)
            else:
                self._folder.write(LOCK, self._json())
        self.require()
        self._thread.start()
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._ended.set()
        if isinstance(error, OSError):
            # The storage has just been asked for long enough. The claim stays, and ends by itself.
            return
        self._thread.join(_BEAT)
        try:
            if self._is_ours():
                self._folder.remove(LOCK)
        except OSError as reason:
            say(f"{reason}; the next one there from another machine waits {LEASE:.0f} s")

    def require(self) -> None:
        """Make sure that the claim is still ours."""
        if not self._is_ours():
            raise FolderError(
                f"{self._folder.at(LOCK)}: another build or push has taken over there; wait until "
                "it ends, and run the same command again"
            )

    def _watch(self, found: Claim) -> None:
        """Wait until another claim is void.

        Raises:
            FolderError: it was renewed.
        """
        place = self._folder.at(LOCK)
        say(f"{place}: {found.host} is writing there; watching for {LEASE:.0f} s if it lives")
        start = time.monotonic()
        while time.monotonic() - start < LEASE:
            time.sleep(_POLL)
            now = self._read()
            if now is None:
                return
            if now != found:
                raise FolderError(
                    f"{place}: another build or push, on {now.host}, is writing there; wait until "
                    "it ends"
                )

    def _renew(self) -> None:
        while not self._ended.wait(_BEAT):
            try:
                if not self._is_ours():
                    return
                self._claim = self._claim.model_copy(update={"beat": self._claim.beat + 1})
                self._folder.write(LOCK, self._json())
            except OSError:
                # The build itself meets the same storage, and tells of it.
                continue

    def _is_ours(self) -> bool:
        found = self._read()
        return found is not None and found.owner == self._claim.owner

    def _read(self) -> Claim | None:
        try:
            return Claim.model_validate_json(self._folder.read(LOCK))
        except (FileNotFoundError, FolderError, ValidationError):
            return None

    def _json(self) -> bytes:
        return self._claim.model_dump_json().encode()
