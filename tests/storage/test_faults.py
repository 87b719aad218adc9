"""Storages that refuse, are not there, or fall silent: one line each, and nothing lost."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import pytest
import s3fs

from gate import Gate
from imagenetq.builder import build, copy, open_source, verify
from imagenetq.builder.folders.remote import RemoteFolder
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.data import open_data
from imagenetq.manifest import read_manifest
from imagenetq.retrying import Patience

# Commands start workers of their own all the same.
pytestmark = pytest.mark.usefixtures("in_this_process")

ONLY = ["clean", "blur-3", "contrast-0.5", "jpeg-10"]


@pytest.fixture(scope="module")
def images(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("few") / "images", 3)


@pytest.fixture
def keys_wanted(server: str):
    """Makes the server ask who one is, and know nobody."""

    def ask(n_free: int) -> None:
        request = urllib.request.Request(f"{server}/moto-api/reset-auth", str(n_free).encode())
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request, timeout=10).close()

    ask(0)
    yield
    ask(10**9)


@pytest.mark.usefixtures("bucket", "keys_wanted")
def test_wrong_credentials(images: Path, local: Path) -> None:
    start = time.monotonic()
    for attempt in (
        lambda: build(open_source(images), "s3://bucket/q", subset="mini", only=ONLY),
        lambda: verify("s3://bucket/q"),
        lambda: copy(local, "s3://bucket/q"),
        lambda: open_data("s3://bucket/q"),
    ):
        with pytest.raises((FolderError, OSError), match=r"the storage refuses it .*check the cre"):
            attempt()
    assert time.monotonic() - start < 10


def test_no_credentials(account: pytest.MonkeyPatch, images: Path) -> None:
    account.delenv("AWS_ACCESS_KEY_ID")
    account.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(FolderError, match=r"refuses it \(NoCredentialsError.*check the creden"):
        build(open_source(images), "s3://bucket/q", subset="mini", only=ONLY)


@pytest.mark.usefixtures("account")
def test_no_such_bucket(images: Path) -> None:
    with pytest.raises(FolderError, match=r"^s3://none/q/\.build/lock: there is no such bucket"):
        build(open_source(images), "s3://none/q", subset="mini", only=ONLY)
    with pytest.raises(FolderError, match=r"s3://none/q: no manifest\.json, so no complete"):
        verify("s3://none/q")
    assert "none" not in s3fs.S3FileSystem().ls("")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("oss://bucket/q", "needs a package that is not installed; pip install ossfs"),
        ("nonsense://bucket/q", "fsspec cannot open it .*; check the address"),
        ("https://127.0.0.1:9/q", "a web server takes no files; give a folder or a bucket"),
        ("hf://datasets/org/q", "would be a commit of its own; .* `imagenetq push`"),
        ("hf:nobody", "write hf:ORG/NAME"),
    ],
)
@pytest.mark.usefixtures("account")
def test_where_nothing_can_be_built(images: Path, url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        build(open_source(images), url, subset="mini", only=ONLY)
    assert "\n" not in str(caught.value)


def test_without_the_extra_it_says_what_to_install(account, run, tmp_path: Path) -> None:
    # A module that cannot be imported, as where the package is not installed.
    (tmp_path / "s3fs.py").write_text("raise ImportError('no module of that name')")
    account.setenv("PYTHONPATH", str(tmp_path))
    for arguments in (["build", "sample", "--out", "s3://b/q"], ["verify", "s3://b/q"]):
        ended = run(*arguments, cwd=tmp_path)
        assert ended.returncode == 2
        assert ended.stderr.splitlines()[-1] == (
            "imagenetq: s3://b/q: needs a package that is not installed; "
            "pip install s3fs (extra [s3])"
        )


@pytest.fixture
def gate(server: str, bucket: str, account: pytest.MonkeyPatch):
    """What the clients of this test go through; they lose patience after a second."""
    del bucket
    parts = urlsplit(server)
    with Gate(parts.hostname, parts.port) as gate:
        account.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{gate.port}")
        settings = {"config_kwargs": {"read_timeout": 0.3, "connect_timeout": 0.3}}
        account.setitem(sys.modules["fsspec.config"].conf, "s3", settings)
        account.setenv("FSSPEC_S3", json.dumps(settings))
        s3fs.S3FileSystem.clear_instance_cache()
        yield gate


def test_a_server_that_falls_silent_for_a_while(gate: Gate, account: pytest.MonkeyPatch) -> None:
    account.setattr("imagenetq.builder.folders.remote._SILENCE", 0.5)
    folder = RemoteFolder("s3://bucket/q", Patience(seconds=20.0, first_pause=0.1))
    folder.write("a", b"before")
    gate.stall()
    timer = Timer(3.0, gate.open)
    timer.start()
    folder.write("a", b"after")
    timer.join()
    assert folder.read("a") == b"after"


# The command line, in all its processes less patient than it would be.
IMPATIENT = """
from imagenetq.builder.folders import remote
from imagenetq.retrying import Patience

remote._SILENCE = 1.0
Patience.__init__.__defaults__ = (2.0, 0.2)
"""
"""What Python does first in every process, workers included, which run no script's lines."""


def test_a_server_that_stays_silent_in_mid_build(
    gate: Gate, source_230: Path, local: Path, server: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    command = [sys.executable, "-m", "imagenetq", "build", source_230, "--subset", "mini"]
    command += ["--out", "s3://bucket/q", "--only", ",".join(ONLY), "--workers", "2"]
    client = s3fs.S3FileSystem(endpoint_url=server, use_listings_cache=False)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    while not client.exists("bucket/q/data/clean/test-00000-of-00003.parquet"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    gate.stall()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    # The lock's keeper, a thread, may still say that it asks again.
    (last,) = [line for line in errors.splitlines() if line.startswith("imagenetq: s3://bucket/q/")]
    assert "times in a row; run the same command again" in last
    assert "Traceback" not in errors
    gate.open()
    manifest = build(open_source(source_230), "s3://bucket/q", subset="mini", only=ONLY)
    assert manifest == read_manifest(local)


def test_a_server_that_is_gone_in_mid_push(
    gate: Gate, local: Path, server: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    command = [sys.executable, "-m", "imagenetq", "push", local, "s3://bucket/q", "--workers", "1"]
    client = s3fs.S3FileSystem(endpoint_url=server, use_listings_cache=False)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    while not client.exists("bucket/q/data/clean/test-00000-of-00003.parquet"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    gate.stall()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    (last,) = [line for line in errors.splitlines() if line.startswith("imagenetq: s3://bucket/q/")]
    assert "times in a row; run the same command again" in last
    assert "Traceback" not in errors
    gate.open()
    assert not client.exists("bucket/q/manifest.json")
    assert copy(local, "s3://bucket/q", workers=1).was_there is False
    assert verify("s3://bucket/q", workers=1) == []
