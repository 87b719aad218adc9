"""Pushes that end early, and the next ones: nothing is sent twice, nothing half tagged."""

import random
import shutil
from threading import Timer

import pytest

from hub_server import MAIN

MOMENTS = 10
SHARD = "data/noise-50/test-00000-of-00001.parquet"


def sent(hub) -> int:
    """Bytes of large files, or of pieces of them, that arrived."""
    paths = ("/lfs/", "/xorb-uploads/", "/v1/xorbs/")
    return sum(served.received for served in hub.log if served.path.startswith(paths))


def require_complete(hub, folder: dict[str, bytes]) -> None:
    files = hub.repositories["org/q"].files("v1.0.0")
    assert {path: files[path].content for path in folder} == folder
    assert set(files) - set(folder) == {".gitattributes", "README.md"}


@pytest.fixture
def killed_push(hub, client, built):
    """Pushes to an empty Hub, and kills the push around its so manieth request."""

    def push(moment: int, delay: float, *, xet: bool) -> None:
        tokens = dict(hub.tokens)
        hub.reset()
        hub.tokens |= tokens
        client.forget()
        seen = 0

        def kill(*_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == moment:
                # Before the request is read, or while it is answered.
                Timer(delay, client.kill).start()

        hub.faults.watchers[:] = [kill]
        assert client.push(built, xet=xet, small=True) is None
        hub.faults.watchers.clear()

    return push


@pytest.mark.parametrize("xet", [False, True])
def test_killed_at_a_random_moment_and_completed(
    hub, client, built, contents, killed_push, xet
) -> None:
    client.push(built, xet=xet, small=True)
    n_requests, needed = len(hub.log), sent(hub)
    chance = random.Random(int(xet))
    # A kill after the last request would find the push done.
    for moment in chance.sample(range(1, n_requests - 5), MOMENTS):
        killed_push(moment, chance.uniform(0.0, 0.005), xet=xet)
        assert client.push(built, xet=xet, small=True)["tag"] == "v1.0.0"
        require_complete(hub, contents(built))
        assert sent(hub) == needed
        assert hub.objects.repeated == hub.xet.repeated == 0


@pytest.mark.parametrize(
    ("where", "nth"),
    [
        ("/repos/create", 1),
        ("/lfs/", 1),
        ("/lfs/", 4),
        ("/commit/", 1),
        ("/commit/", 2),
        ("/commit/", 3),
        ("/commit/", 4),
        ("/tree/", 2),
        ("/tag/", 1),
    ],
)
def test_killed_at_each_step_and_completed(hub, client, built, contents, where, nth) -> None:
    """Before anything is there, inside a file, between commits, before manifest and tag."""
    seen = []

    def kill(_: str, path: str) -> None:
        seen.extend([path] if where in path else [])
        if len(seen) == nth:
            client.kill()

    hub.faults.watchers[:] = [kill]
    assert client.push(built, small=True) is None
    assert len(seen) >= nth
    hub.faults.watchers.clear()
    assert client.push(built, small=True)["tag"] == "v1.0.0"
    require_complete(hub, contents(built))
    assert hub.objects.repeated == 0


def test_completed_from_another_machine(hub, client, built, contents, killed_push) -> None:
    """It does not know which pieces the first has sent: one file's are sent again at most."""
    client.push(built, xet=True, small=True)
    needed = sent(hub)
    largest = max(shard.stat().st_size for shard in built.rglob("*.parquet"))
    chance = random.Random(3)
    for moment in chance.sample(range(1, len(hub.log) - 5), MOMENTS):
        killed_push(moment, chance.uniform(0.0, 0.005), xet=True)
        client.forget()
        assert client.push(built, xet=True, small=True)["tag"] == "v1.0.0"
        require_complete(hub, contents(built))
        assert needed <= sent(hub) < needed + largest


@pytest.mark.parametrize("xet", [False, True])
def test_passing_faults_are_retried(hub, client, built, contents, xet) -> None:
    hub.fail("/api/whoami", status=429, times=2, retry_after=120)
    hub.fail("/api/repos/create", status=500, times=2)
    hub.drop("/settings", times=2)
    hub.fail("/tree/", status=503, times=2)
    hub.fail("/preupload/", status=429, times=2)
    hub.fail("/commit/", status=500, times=2)
    hub.drop("/commit/", times=1)
    hub.lose("/api/repos/create", times=1)
    hub.fail("/tag/", status=502, times=1)
    hub.lose("/tag/", times=1)
    hub.slow("/refs", seconds=0.2, times=1)
    by_xet = ("xet-write-token", "/xorb-grants/", "/xorb-uploads/", "/xorb-commits/", "/v1/shards")
    for where in by_xet if xet else ("/lfs/", "/batch"):
        hub.fail(where, status=500, times=1)
        hub.drop(where, times=1)
        hub.fail(where, status=429, times=1)
    pushed = client.push(built, xet=xet, small=True)
    assert pushed["tag"] == "v1.0.0", pushed
    require_complete(hub, contents(built))
    said = client.said()
    assert "hf:org/q: asking who you are: HTTP 429: out of order; asking again in 120 s" in said
    assert "hf:org/q: committing: HTTP 500: out of order; asking again in 1 s" in said
    assert "Traceback" not in said
    assert hub.objects.repeated == hub.xet.repeated == 0


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_commit_whose_answer_is_lost_is_not_made_twice(hub, client, built, number) -> None:
    seen = 0

    def lose(_method: str, path: str) -> None:
        nonlocal seen
        if "/commit/" in path:
            if seen == number:
                hub.lose("/commit/", times=1)
            seen += 1

    hub.faults.watchers.append(lose)
    assert client.push(built, small=True)["tag"] == "v1.0.0"
    # The first is the Hub's own; then the opening one, twice three shards, and the closing one.
    assert len(hub.repositories["org/q"].commits) == 5
    assert len(hub.requests("/commit/")) == 4


def test_a_network_that_is_gone_for_good(hub, client, built) -> None:
    client.push(built, small=True)
    n_requests = len(hub.log)
    # The last two ask whether the tag is there.
    for moment in (0, n_requests // 2, n_requests - 4):
        tokens = dict(hub.tokens)
        hub.reset()
        hub.tokens |= tokens
        seen = 0

        def cut(*_: str, moment: int = moment) -> None:
            nonlocal seen
            seen += 1
            if seen == moment + 1:
                hub.drop("/", times=10**6)

        hub.faults.watchers.append(cut)
        failed = client.push(built, small=True)
        assert failed["error"] == "PublishError"
        assert failed["message"].startswith(f"hf:org/q cannot be written to {hub.url} (")
        assert failed["message"].endswith(
            "; what was uploaded stays; run the same command again to go on"
        )
        assert "\n" not in failed["message"]
        assert all(not repository.tags for repository in hub.repositories.values())
        hub.forget()
        assert client.push(built, small=True)["tag"] == "v1.0.0"
        assert hub.objects.repeated == 0


@pytest.mark.parametrize("xet", [False, True])
@pytest.mark.parametrize("change", ["one byte", "shorter", "gone"])
def test_a_shard_that_changes_during_the_push_is_not_tagged(
    hub, client, built, contents, tmp_path, change, xet
) -> None:
    folder = tmp_path / "q"
    shutil.copytree(built, folder)
    shard = folder / SHARD
    good = shard.read_bytes()

    def alter(_method: str, path: str) -> None:
        if "/settings" in path:
            if change == "gone":
                shard.unlink()
            else:
                shard.write_bytes(good[:-1] + (b"?" if change == "one byte" else b""))

    hub.faults.watchers.append(alter)
    failed = client.push(folder, xet=xet, small=True)
    assert failed == {
        "error": "PublishError",
        "message": f"{SHARD}: changed while it was pushed; verify the folder, and push again",
    }
    repository = hub.repositories["org/q"]
    assert repository.tags == set()
    assert not {"manifest.json", SHARD} & repository.files().keys()
    hub.faults.watchers.clear()
    shard.write_bytes(good)
    assert client.push(folder, xet=xet, small=True)["tag"] == "v1.0.0"
    require_complete(hub, contents(built))


def test_files_that_others_add_or_change_meanwhile_are_not_tagged(hub, client, built) -> None:
    def add(_method: str, path: str) -> None:
        repository = hub.repositories.get("org/q")
        if "/commit/" in path and len(repository.commits) == 3:
            repository.commit(repository.files() | {"thesis.tex": b"years of work"})

    hub.faults.watchers.append(add)
    failed = client.push(built, small=True)
    assert failed["error"] == "PublishError"
    assert "hf:org/q: somebody else is changing it (HTTP 412: A commit has" in failed["message"]
    repository = hub.repositories["org/q"]
    assert repository.tags == set()
    assert repository.files(MAIN)["thesis.tex"].content == b"years of work"
    hub.faults.watchers.clear()
    assert "holds files of something else (thesis.tex)" in client.push(built)["message"]
