"""The lock in an object store: one build at a time, and none kept out by a dead one."""

import threading
import time

import pytest

from imagenetq.builder.folders import object_lock as lock
from imagenetq.builder.folders.object_lock import LOCK, Claim, ObjectLock
from imagenetq.builder.folders.share import Share
from imagenetq.errors import FolderError
from imagenetq.retrying import StorageError


class Memory:
    """Objects in memory, which may be away."""

    def __init__(self, *, exclusive: bool = True) -> None:
        self.objects: dict[str, bytes] = {}
        self.exclusive = exclusive
        self.away = False
        self._one_at_a_time = threading.Lock()

    def at(self, path: str) -> str:
        return f"memory://q/{path}"

    def files(self, below: str) -> dict[str, int]:
        self._require_here()
        return {
            path: len(data) for path, data in self.objects.items() if path.startswith(f"{below}/")
        }

    def read(self, path: str) -> bytes:
        self._require_here()
        if path not in self.objects:
            raise FileNotFoundError(path)
        return self.objects[path]

    def write(self, path: str, data: bytes) -> None:
        self._require_here()
        self.objects[path] = data

    def create(self, path: str, data: bytes) -> bool:
        with self._one_at_a_time:
            if self.exclusive and path in self.objects:
                return False
            self.write(path, data)
            return True

    def remove(self, path: str) -> None:
        self._require_here()
        self.objects.pop(path, None)

    def _require_here(self) -> None:
        if self.away:
            raise StorageError("memory://q: cannot be reached")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LEASE", 0.6)
    monkeypatch.setattr(lock, "_BEAT", 0.1)
    monkeypatch.setattr(lock, "_POLL", 0.05)


def test_it_is_held_and_given_back() -> None:
    objects = Memory()
    with ObjectLock(objects, "here") as held:
        held.require()
        assert Claim.model_validate_json(objects.objects[LOCK]).machine == "here"
    assert objects.objects == {}


def test_a_living_build_keeps_others_out(capsys: pytest.CaptureFixture[str]) -> None:
    objects = Memory()
    with ObjectLock(objects, "here") as held:
        with pytest.raises(
            FolderError, match=r"another build or push, on .*, is writing there; wait"
        ):
            ObjectLock(objects, "there").__enter__()
        held.require()
    assert "watching for 1 s if it lives" in capsys.readouterr().err


@pytest.mark.parametrize("machine", ["here", "there"])
def test_a_dead_one_does_not(machine: str) -> None:
    objects = Memory()
    dead = Claim(owner="x", machine="here", host="h", beat=7)
    objects.write(LOCK, dead.model_dump_json().encode())
    start = time.monotonic()
    with ObjectLock(objects, machine) as held:
        held.require()
        # On its own machine the claim is void at once.
        assert (time.monotonic() - start < 0.5) == (machine == "here")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{}"])
def test_a_damaged_one_does_not(content: bytes) -> None:
    objects = Memory()
    objects.write(LOCK, content)
    with ObjectLock(objects, "here") as held:
        held.require()


def test_one_that_ends_meanwhile_is_not_waited_for() -> None:
    objects = Memory()
    first = ObjectLock(objects, "here")
    first.__enter__()
    first._ended.set()
    threading.Timer(0.2, objects.remove, [LOCK]).start()
    start = time.monotonic()
    with ObjectLock(objects, "there"):
        assert time.monotonic() - start < 0.55


def test_a_build_that_was_taken_over_notices() -> None:
    objects = Memory()
    with ObjectLock(objects, "here") as held:
        other = Claim(owner="other", machine="there", host="h")
        objects.write(LOCK, other.model_dump_json().encode())
        with pytest.raises(FolderError, match="another build or push has taken over there"):
            held.require()
        time.sleep(0.3)
    # What is not ours is not removed.
    assert Claim.model_validate_json(objects.objects[LOCK]) == other


@pytest.mark.parametrize("exclusive", [True, False])
def test_of_many_that_begin_at_once_one_stays(*, exclusive: bool) -> None:
    objects = Memory(exclusive=exclusive)
    held: list[ObjectLock] = []
    refused: list[FolderError] = []
    together = threading.Barrier(6)

    def begin(number: int) -> None:
        claim = ObjectLock(objects, f"machine {number}")
        together.wait()
        try:
            held.append(claim.__enter__())
        except FolderError as error:
            refused.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(0.2)
    kept = [claim for claim in held if claim._is_ours()]
    assert len(kept) == 1
    assert len(held) + len(refused) == 6
    if exclusive:
        assert len(held) == 1
    for claim in held:
        claim.__exit__(None, None, None)


def test_a_storage_that_is_away_neither_stops_nor_delays_the_end() -> None:
    objects = Memory()
    with pytest.raises(StorageError), ObjectLock(objects, "here") as held:  # noqa: PT012
        objects.away = True
        time.sleep(0.3)
        held.require()
    objects.away = False
    with ObjectLock(objects, "here") as held:
        objects.away = True
        time.sleep(0.3)
        objects.away = False
        time.sleep(0.2)
        held.require()


def test_shares_are_claimed_side_by_side() -> None:
    objects = Memory()
    with (
        ObjectLock(objects, "here", Share(1, 2)) as first,
        ObjectLock(objects, "there", Share(2, 2)) as second,
    ):
        assert sorted(objects.objects) == [f"{LOCK}-1of2", f"{LOCK}-2of2"]
        first.require()
        second.require()
    assert objects.objects == {}


@pytest.mark.parametrize(
    ("held", "wanted"),
    [(None, Share(1, 2)), (Share(1, 2), None), (Share(1, 2), Share(1, 2))],
)
def test_a_share_and_the_whole_exclude_each_other(held: Share | None, wanted: Share | None) -> None:
    objects = Memory()
    with ObjectLock(objects, "here", held) as lock_held:
        before = set(objects.objects)
        with pytest.raises(
            FolderError, match=r"another build or push, on .*, is writing there; wait"
        ):
            ObjectLock(objects, "there", wanted).__enter__()
        lock_held.require()
        assert set(objects.objects) == before


@pytest.mark.parametrize("machine", ["here", "there"])
def test_dead_shares_are_outlived_all_at_once(machine: str) -> None:
    objects = Memory()
    dead = Claim(owner="x", machine="here", host="h", beat=7).model_dump_json().encode()
    for number in range(1, 5):
        objects.write(f"{LOCK}-{number}of4", dead)
    start = time.monotonic()
    with ObjectLock(objects, machine) as held:
        assert list(objects.objects) == [LOCK]
        held.require()
        seconds = time.monotonic() - start
        assert seconds < 0.5 if machine == "here" else 0.5 < seconds < 1.5
