"""Pushes that succeed: what is in the repository then, and that everybody can read it."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from hub_server import MAIN
from imagenetq.benchmark import eval_yaml
from imagenetq.builder.card.card import front_matter
from imagenetq.evaluate.data import open_data
from imagenetq.manifest import read_manifest
from imagenetq.record import pixel_sha256

WRITER = "hf_writer"
UPLOADS = ("/lfs/", "/xorb-uploads/", "/v1/shards", "/commit/", "/preupload/")


def uploaded(hub) -> int:
    return sum(hub.received(where) for where in UPLOADS)


@pytest.mark.parametrize("xet", [False, True])
def test_a_push_leaves_exactly_the_folder_under_its_tag(hub, client, built, contents, xet) -> None:
    digest = read_manifest(built).pixel_digest
    pushed = client.push(built, xet=xet)
    assert pushed == {
        "repository": "org/q",
        "tag": "v1.0.0",
        "commit": hub.repositories["org/q"].refs["v1.0.0"],
        "page": f"{hub.url}/datasets/org/q",
        "pixel_digest": digest,
        "was_there": False,
        "private": True,
        "gated": "manual",
        "loading": 'load_dataset("org/q", "blur-3", revision="v1.0.0")',
    }
    repository = hub.repositories["org/q"]
    assert repository.tags == {"v1.0.0"}
    assert repository.refs[MAIN] == repository.refs["v1.0.0"]
    assert (repository.private, repository.gated) == (True, "manual")
    files = {path: file.content for path, file in repository.files().items()}
    card = files.pop("README.md").decode()
    described = json.loads(files.pop("croissant.json"))
    assert described["url"] == pushed["page"]
    assert described["identifier"] == digest
    assert set(files) == {".gitattributes"} | set(contents(built))
    assert files.items() >= contents(built).items()
    assert front_matter(card) == front_matter((built / "README.md").read_text())
    assert 'load_dataset("org/q", "clean", split="test", revision="v1.0.0")' in card
    assert "./imagenet-q" not in card
    shards = [file for path, file in repository.files().items() if path.startswith("data/")]
    assert all((file.xet is not None) == xet for file in shards)
    assert (hub.objects.whole == {}) == xet
    # Main said that it was incomplete from the first commit to the last.
    first, *between = list(repository.commits.values())[:-1]
    assert set(first) == {".gitattributes"}
    for files in between:
        assert "manifest.json" not in files
        assert front_matter(files["README.md"].content.decode())["extra_gated_prompt"]
        assert b"still being uploaded" in files["README.md"].content


def test_pushing_again_sends_nothing(hub, client, built) -> None:
    first = client.push(built)
    hub.forget()
    again = client.push(built)
    assert again == first | {"was_there": True}
    assert uploaded(hub) == 0
    assert all(served.method in ("GET", "HEAD") for served in hub.log)


def test_only_who_sees_it_changes_when_a_published_version_is_pushed(hub, client, built) -> None:
    client.push(built)
    hub.forget()
    pushed = client.push(built, public=True, accept_terms=True, gated="auto")
    assert (pushed["was_there"], pushed["private"], pushed["gated"]) == (True, False, "auto")
    repository = hub.repositories["org/q"]
    assert (repository.private, repository.gated) == (False, "auto")
    assert uploaded(hub) == 0
    # The gate that the owner chose stays, where the push does not name one.
    assert client.push(built, public=True, accept_terms=True)["gated"] == "auto"


def test_a_repository_is_shown_only_when_it_is_complete(hub, client, built) -> None:
    seen = []
    hub.faults.watchers.append(
        lambda method, path: (
            seen.append((method, path, hub.repositories.get("org/q")))
            if "/tag/" in path and hub.repositories["org/q"].private
            else None
        )
    )
    pushed = client.push(built, public=True, accept_terms=True)
    assert len(seen) == 1
    assert pushed["private"] is False
    assert hub.repositories["org/q"].private is False
    assert hub.repositories["org/q"].gated == "manual"


def test_large_files_in_parts_and_long_listings(hub, client, built, contents) -> None:
    hub.part_bytes = 20_000
    hub.page = 3
    assert client.push(built)["tag"] == "v1.0.0"
    files = hub.repositories["org/q"].files()
    assert all(files[path].content == data for path, data in contents(built).items())
    # Six shards, and the picture that the card shows.
    assert len(hub.requests("/complete")) == 6 + 1


def test_another_version_replaces_the_files_and_keeps_the_old_tag(hub, client, built) -> None:
    client.push(built)
    repository = hub.repositories["org/q"]
    # An earlier version: other digests, and a variant that is no more.
    repository.refs["v0.9.0"] = repository.refs.pop("v1.0.0")
    repository.tags = {"v0.9.0"}
    old = dict(repository.files())
    shard = old["data/clean/test-00000-of-00001.parquet"]
    repository.commit(old | {"data/blur-9/test-00000-of-00001.parquet": shard})
    pushed = client.push(built)
    assert pushed["was_there"] is False
    assert repository.files("v1.0.0") == old
    assert repository.files("v0.9.0") == old


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("xet", [False, True])
def test_datasets_and_the_evaluation_read_what_was_pushed(client, built, tmp_path, xet) -> None:
    client.push(built, xet=xet)
    local = open_data(built)
    expected = sorted(
        [sample.info.image_id, sample.info.variant, pixel_sha256(sample.pixels)]
        for task in local.tasks(local.variants)
        for sample in task.samples()
    )
    jpeg = Counter(digest for _, variant, digest in expected if variant == "jpeg-10")
    for streaming in (False, True):
        loaded = client.do(
            "load",
            name="org/q",
            config="jpeg-10",
            revision="v1.0.0",
            streaming=streaming,
            cache=tmp_path / "cache",
            xet=xet,
        )
        assert Counter(loaded) == jpeg
    assert client.do("read", spec="hf:org/q@v1.0.0", xet=xet) == expected
    stranger = client.do("read", spec="hf:org/q@v1.0.0", token="hf_stranger")
    assert stranger["error"] == "SourceError"


def command(client, *arguments: object, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "imagenetq"), *map(str, arguments)],
        env=client.environment | {"HF_TOKEN": WRITER},
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=options.pop("stderr", subprocess.PIPE),
        text=True,
    )


def run(client, *arguments: object, **options: object) -> tuple[int, str, str]:
    process = command(client, *arguments, **options)
    out, said = process.communicate(timeout=300)
    return process.returncode, out, said


def test_the_command_line(hub, client, built) -> None:
    status, out, said = run(client, "push", built, "org/q", "--workers", "1")
    assert (status, said) == (0, "")
    page, digest, loading = out.splitlines()
    assert page == f"{hub.url}/datasets/org/q v1.0.0: published (private, access manual)"
    assert digest == f"pixel digest {read_manifest(built).pixel_digest}"
    assert loading == 'load_dataset("org/q", "blur-3", revision="v1.0.0")'
    _, out, _ = run(client, "push", built, "org/q", "--json")
    assert json.loads(out)["was_there"] is True


@pytest.mark.parametrize("target", ["org/q", "memory://q"])
def test_a_terminal_shows_at_once_what_a_push_waits_for(client, tmp_path, target) -> None:
    terminal, stderr = pty.openpty()
    process = command(client, "push", tmp_path / "nothing", target, stderr=stderr)
    os.close(stderr)
    shown = ""
    with suppress(OSError):  # Linux's way to say that a terminal's other side is closed.
        while piece := os.read(terminal, 4096):
            shown += piece.decode()
    os.close(terminal)
    assert (process.communicate(timeout=300)[0], process.returncode) == ("", 1)
    loading, _, asking = shown.partition("loading the builder")
    assert "imagenetq" not in loading
    assert f"asking for {target if '://' in target else f'hf:{target}'}" in asking
    assert "nothing: no such folder; name a built dataset" in asking


def test_the_terms_are_told_and_asked_for(hub, client, built) -> None:
    status, out, said = run(client, "push", built, "org/q", "--public")
    assert (status, out) == (2, "")
    assert said.startswith("ImageNet's terms of access. These are distorted copies of ImageNet")
    assert said.splitlines()[-1].endswith("add --accept-imagenet-terms")
    terminal, stdin = pty.openpty()
    os.write(terminal, b"n\n")
    status, _, said = run(client, "push", built, "org/q", "--public", stdin=stdin)
    os.close(terminal)
    os.close(stdin)
    assert status == 2
    assert "Do you accept them? [y/N]" in said
    assert said.splitlines()[-1].endswith("add --accept-imagenet-terms")
    assert hub.log == []


@pytest.mark.parametrize("xet", [False, True])
def test_an_interrupted_push_ends_at_once(hub, client, built, xet) -> None:
    where = "/xorb-uploads/" if xet else "/lfs/"
    hub.slow(where, seconds=2.0, times=10)
    started = Event()
    hub.faults.watchers.append(lambda _, path: started.set() if path.startswith(where) else None)
    client.environment["HF_HUB_DISABLE_XET"] = str(int(not xet))
    process = command(client, "push", built, "org/q", "--workers", "1")
    del client.environment["HF_HUB_DISABLE_XET"]
    assert started.wait(60)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.splitlines()[-1]) == (130, "imagenetq: interrupted")
    assert "Traceback" not in said
    assert hub.repositories["org/q"].tags == set()


def test_a_benchmark_stays_one(hub, client, built) -> None:
    stated = eval_yaml(["clean", "blur", "noise", "contrast", "jpeg", "jpeg2000"]).encode()
    client.push(built, benchmark=True)
    repository = hub.repositories["org/q"]
    assert repository.files()["eval.yaml"].content == stated
    assert client.push(built, benchmark=True)["was_there"]
    # As after the next version: the tag is gone, and nobody says again that it is a benchmark.
    repository.tags.clear()
    del repository.refs["v1.0.0"]
    client.push(built)
    assert repository.files()["eval.yaml"].content == stated


@pytest.mark.usefixtures("hub")
def test_a_published_version_gets_no_benchmark_file(client, built) -> None:
    client.push(built)
    refused = client.push(built, benchmark=True)
    assert "v1.0.0 without eval.yaml" in refused["message"]
