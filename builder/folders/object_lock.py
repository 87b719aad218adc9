"""Lock a folder of an object store, where nothing locks, by a claim that its owner renews.

A build writes who it is, and every few seconds that it is alive. Another build that finds a claim
watches whether it is renewed. It compares what it reads, so no two clocks have to agree. A claim of
the same machine is void at once, because a lock on this machine shows that its owner has died.

The lock has limits. A build whose machine was cut off from the storage for longer than `LEASE`
notices only at its next unit that it was taken over. Where a storage creates objects exclusively
(S3 and Google's do), two builds that begin at once are told apart. Elsewhere both read back what
was written, and the last one stays.

A share of a build has a claim of its own. It looks for the claim of a whole build, and a whole
build looks for the claims of shares, each after making its own. So at least one of the two sees the
other.
"""

import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError
from typing_extensions import override

from imagenetq.builder.folders.base import STATE, Hold
from imagenetq.builder.folders.share import Share
from imagenetq.errors import FolderError
from imagenetq.manifest import Model
from imagenetq.progress import say

if TYPE_CHECKING:
    from imagenetq.builder.folders.remote import RemoteFolder

LOCK = f"{STATE}/lock"

LEASE = 45.0
"""Seconds without a sign of life after which a claim is void."""

_BEAT = 10.0
_POLL = 3.0


class Claim(Model):
    """The content of a lock."""

    owner: str
    """Random id of the build."""

    machine: str
    """Id of the machine that the build runs on."""

    host: str
    """Name of that machine, for people."""

    beat: int = 0
    """Number of times that the claim was renewed."""


class ObjectLock(Hold):
    """A claim to a folder; leaving its context gives it up."""

    def __init__(self, folder: "RemoteFolder", machine: str, share: Share | None = None) -> None:
        """Prepare a claim for a share, or for a whole build.

        No other process of this machine, which has the id `machine`, may hold it or a rival's.
        """
        self._folder = folder
        self._path = f"{LOCK}-{share.tag}" if share else LOCK
        self._claim = Claim(owner=uuid.uuid4().hex, machine=machine, host=socket.gethostname())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        path = self._path
        before = self._read(path)
        if before is not None or not self._folder.create(path, self._json()):
            before = before or self._read(path)
            watched = before is not None and self._watch({path: before})
            self._folder.write(path, self._json())
            if watched:
                # Another build may have watched as long, and write as well.
                time.sleep(_POLL)
        self.require()
        self._thread.start()
        try:
            self._outlive_rivals()
        except BaseException as error:
            self.__exit__(None, error, None)
            raise
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._ended.set()
        if isinstance(error, OSError):
            # The storage has just failed for long. The claim stays, and becomes void by itself.
            return
        self._thread.join(_BEAT)
        try:
            if self._is_ours():
                self._folder.remove(self._path)
        except OSError as reason:
            say(f"{reason}; the next one there from another machine waits {LEASE:.0f} s")

    @override
    def require(self) -> None:
        if not self._is_ours():
            raise FolderError(
                f"{self._folder.at(self._path)}: another build or push has taken over there; wait "
                "until it ends, and run the same command again"
            )

    def _outlive_rivals(self) -> None:
        """Remove claims that no build may hold beside ours, once they are void."""
        if self._path == LOCK:
            paths = [path for path in self._folder.files(STATE) if path.startswith(f"{LOCK}-")]
        else:
            paths = [LOCK]
        rivals = {path: claim for path in paths if (claim := self._read(path)) is not None}
        self._watch(rivals)
        for path in rivals:
            self._folder.remove(path)

    def _watch(self, claims: dict[str, Claim]) -> bool:
        """Wait until the claims of other machines are void, or refuse; tell if there were any."""
        others = {path: c for path, c in claims.items() if c.machine != self._claim.machine}
        for path, claim in others.items():
            say(
                f"{self._folder.at(path)}: {claim.host} is writing there; "
                f"watching for {LEASE:.0f} s if it lives"
            )
        left = others.copy()
        end = time.monotonic() + LEASE
        while left and time.monotonic() < end:
            time.sleep(_POLL)
            for path, claim in list(left.items()):
                now = self._read(path)
                if now is None:
                    del left[path]
                elif now != claim:
                    raise FolderError(
                        f"{self._folder.at(path)}: another build or push, on {now.host}, is "
                        "writing there; wait until it ends"
                    )
        return bool(others)

    def _renew(self) -> None:
        while not self._ended.wait(_BEAT):
            try:
                if not self._is_ours():
                    return
                self._claim = self._claim.model_copy(update={"beat": self._claim.beat + 1})
                self._folder.write(self._path, self._json())
            except OSError:
                # The build itself uses the same storage, and reports that it fails.
                continue

    def _is_ours(self) -> bool:
        claim = self._read(self._path)
        return claim is not None and claim.owner == self._claim.owner

    def _read(self, path: str) -> Claim | None:
        try:
            return Claim.model_validate_json(self._folder.read(path))
        except (FileNotFoundError, FolderError, ValidationError):
            return None

    def _json(self) -> bytes:
        return self._claim.model_dump_json().encode()
