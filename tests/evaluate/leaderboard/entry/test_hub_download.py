"""Entries and predictions on the Hub, with the real client against a Hub of our own."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_entries import honest, submission
from hub_pulls import PullingHub
from imagenetq.errors import PublishError
from imagenetq.evaluate.leaderboard.entry.submission import Place
from imagenetq.evaluate.leaderboard.hub_pull_request import keep_predictions, open_pull_request
from imagenetq.evaluate.leaderboard.package import Package
from imagenetq.hub import HubAddress

SAID = (
    "--name", "Made up 1.0", "--link", "https://example.org/", "--training-data", "nothing",
)  # fmt: skip
WRITER = "hf_writer"


@pytest.fixture(scope="module")
def hub() -> Iterator[PullingHub]:
    with PullingHub() as hub:
        hub.tokens |= {WRITER: "write"}
        hub.add("org/leaderboard", {"README.md": b"entries"})
        yield hub


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "timm-made_up"
    honest(4).write(folder)
    return folder


@pytest.fixture
def call(hub: PullingHub, run: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Runs `imagenetq` with that Hub, and a token or none."""
    inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    environment = inherited | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
    }

    def call(*arguments: object, token: str = WRITER) -> Any:
        given = {"HF_TOKEN": token} if token else {}
        return run(*arguments, env=environment | given, stdin=-3, cwd=tmp_path)

    return call


def test_an_entry_becomes_a_pull_request(hub, call, results):
    before = hub.repositories["org/leaderboard"].files()
    ended = call("submit", results, "--to", "org/leaderboard", *SAID)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == f"{hub.url}/datasets/org/leaderboard/discussions/1"
    repository = hub.repositories["org/leaderboard"]
    assert repository.files() == before
    proposed = repository.files("refs/pr/1")
    assert sorted(proposed.keys() - before.keys()) == [
        "entries/made-up-1.0/entry.json",
        "entries/made-up-1.0/predictions.parquet",
        "entries/made-up-1.0/submission.json",
    ]
    held = proposed["entries/made-up-1.0/predictions.parquet"].content
    assert held == (results / "predictions.parquet").read_bytes()


def test_predictions_are_kept_once_and_fetched_for_the_check(hub, call, results, tmp_path):
    submit = ("submit", results, "--predictions", "org/mine", "--out", "entries", *SAID)
    for _ in range(2):
        ended = call(*submit)
        assert ended.returncode == 0, ended.stderr
    assert len(hub.repositories["org/mine"].commits) == 2
    folder = tmp_path / "entries" / "made-up-1.0"
    place = json.loads((folder / "submission.json").read_text())["predictions"]
    assert place == {
        "repository": "org/mine",
        "revision": hub.repositories["org/mine"].refs["main"],
        "path": "made-up-1.0/predictions.parquet",
    }
    assert not (folder / "predictions.parquet").exists()
    checked = call("leaderboard", "check", "entries", "--fetched", "kept", token="hf_of_ours")
    assert (checked.returncode, checked.stdout[:4]) == (0, "WARN"), checked.stderr
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.read_bytes() == (results / "predictions.parquet").read_bytes()
    hub.forget()
    assert call("leaderboard", "check", "entries", "--fetched", "kept").returncode == 0
    assert hub.requests("org/mine") == []
    kept.write_bytes(kept.read_bytes()[:-1])
    assert call("leaderboard", "check", "entries", "--fetched", "kept").returncode == 0
    assert kept.read_bytes() == (results / "predictions.parquet").read_bytes()


def test_what_is_not_there_private_large_or_other_fails_even_if_our_token_opens_it(
    hub, call, results, tmp_path
):
    predictions = (results / "predictions.parquet").read_bytes()
    for name, content in {"open": predictions, "large": bytes(64 * 2**20 + 1)}.items():
        hub.add(f"org/{name}", {"p.parquet": content})
    hub.add("org/secret", {"p.parquet": predictions}).private = True
    hub.add("org/gated", {"p.parquet": predictions}, gated=True)
    cases = {
        "fine": ({"repository": "org/open"}, ""),
        "gated": ({"repository": "org/gated"}, "is gated"),
        "large": ({"repository": "org/large"}, "67108865 bytes is too large"),
        "no-commit": ({"repository": "org/open", "revision": "a" * 40}, "not there at"),
        "no-file": ({"repository": "org/open", "path": "none.parquet"}, "not there at"),
        "other": ({"repository": "org/leaderboard", "path": "README.md"}, "not the predictions of"),
        "secret": ({"repository": "org/secret"}, "not for everybody to read"),
    }
    for name, (change, _) in cases.items():
        folder = tmp_path / "entries" / name
        folder.mkdir(parents=True)
        shutil.copy(results / "entry.json", folder)
        revision = hub.repositories[change["repository"]].refs["main"]
        place = Place.model_validate({"revision": revision, "path": "p.parquet"} | change)
        (folder / "submission.json").write_text(submission(predictions=place).to_json())
    # Fetched once, it would not be asked for again.
    (tmp_path / "entries" / "fine").rename(tmp_path / "entries" / "z-fine")
    hub.forget()
    ended = call("leaderboard", "check", "entries", "--json")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("6 of 7 entries fail")
    assert "Traceback" not in ended.stderr
    for entry in json.loads(ended.stdout)["entries"]:
        (finding,) = entry["findings"]
        assert cases[entry["name"].removeprefix("z-")][1] in finding["text"]
    assert hub.served("/resolve/") + hub.served("/storage/") < 2 * len(predictions) + 10_000


@pytest.mark.parametrize(
    ("where", "token", "message"),
    [
        (("--to", "org/none"), WRITER, "no such dataset"),
        (("--to", "org/leaderboard"), "", "hf auth login"),
        (("--to", "org/leaderboard"), "hf_stranger", "hf auth login"),
        (("--predictions", "elsewhere/mine"), WRITER, "hf auth login"),
        (("--predictions", "org/gated"), WRITER, "is private or gated"),
        (("--to", "no repository"), WRITER, "write hf:ORG/NAME"),
    ],
    ids=range(6),
)
def test_what_the_hub_refuses_is_one_line(hub, call, results, where, token, message):
    hub.add("org/gated", {}, gated=True)
    ended = call("submit", results, *where, *SAID, token=token)
    assert ended.returncode in (1, 2)
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("imagenetq: ")
    assert message in last
    assert "Traceback" not in ended.stderr


ODD = (
    *(b"[]", b"null", b"{}", b"", b"<!DOCTYPE html><title>Log in</title>", b"Internal error"),
    b'{"error": "Too many requests"}',
)


@pytest.mark.parametrize("body", ODD)
def test_a_hub_that_answers_with_something_else_is_named_as_that(results, body, monkeypatch):
    """Success is said nowhere where nothing was done."""
    from huggingface_hub import constants

    package = Package("made-up", {path.name: path.read_bytes() for path in results.iterdir()})
    mine, board = HubAddress("org/mine", None), HubAddress("org/board", None)
    actions = {
        lambda: keep_predictions(results / "predictions.parquet", "made-up", mine): (
            *("/api/repos/create", "/api/datasets/org/mine", "/preupload/", "/objects/batch"),
            "/commit/",
        ),
        lambda: open_pull_request(package, board): ("/preupload/", "/objects/batch", "/commit/"),
    }
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with PullingHub() as odd:
        monkeypatch.setattr(constants, "ENDPOINT", odd.url)
        for act, places in actions.items():
            for where in places:
                odd.reset()
                odd.tokens[WRITER] = "write"
                odd.add("org/board", {})
                odd.distort(where, body=body, times=1000)
                with pytest.raises(PublishError, match=r"^hf:org/\w+: .* login page") as refused:
                    act()
                assert "\n" not in str(refused.value)
                assert not any("made-up" in path for path in odd.repositories["org/board"].files())
