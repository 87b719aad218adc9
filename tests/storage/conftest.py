"""Storages on this machine, and datasets to compare with.

S3 is served by moto. Azurite and an emulator of Google's storage serve theirs where they are
installed; the tests of an absent one are skipped.
"""

import hashlib
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import fsspec
import pytest

from imagenetq.builder import build, open_source
from imagenetq.files import sha256_of
from no_workers import no_workers

ONLY = ["clean", "blur-3", "contrast-0.5", "jpeg-10"]
IMAGES = 230

_AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Azurite's own, which its documentation tells everybody."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The server's URL."""
    from moto.server import ThreadedMotoServer

    # A line a request would hide what failed.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a user of that server, who has read nothing yet."""
    import s3fs

    reset(server)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    settings = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # Clients are kept by their arguments, of which the environment is none.
    s3fs.S3FileSystem.clear_instance_cache()
    yield monkeypatch
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(account: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket."""
    import s3fs

    del account
    s3fs.S3FileSystem().mkdir("bucket")
    return "s3://bucket"


@pytest.fixture(scope="session")
def azure() -> Iterator[str]:
    """The connection string of an Azurite."""
    pytest.importorskip("adlfs", reason="az:// needs adlfs")
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("az:// needs azurite-blob on the PATH: npm install --global azurite")
    port = _free_port()
    options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    with _server([azurite, "--blobPort", str(port), *options], port):
        yield (
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            f"AccountKey={_AZURITE_KEY};BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )


@pytest.fixture(scope="session")
def google() -> Iterator[str]:
    """The URL of an emulator of Google's storage."""
    # Read when the client is imported; the emulator does not speak the other protocol.
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"
    pytest.importorskip("gcsfs", reason="gs:// needs gcsfs")
    emulator = Path(sys.executable).with_name("gcp-storage-emulator")
    if not emulator.is_file():
        pytest.skip("gs:// needs gcp-storage-emulator")
    port = _free_port()
    with _server([str(emulator), "start", "--in-memory", "--port", str(port)], port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["file", "s3", "gs", "az"])
def store(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """The URL of an empty place in each storage, for a user who has read nothing yet."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bucket = f"bucket-{tmp_path.name.lower().replace('_', '-')}"[:40].rstrip("-")
    match request.param:
        case "file":
            yield (tmp_path / "storage").as_uri()
            return
        case "s3":
            yield request.getfixturevalue("bucket")
            return
        case "gs":
            # The client's own settings, for this process and for workers.
            settings = {"token": "anon"}
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", request.getfixturevalue("google"))
            monkeypatch.setitem(fsspec.config.conf, "gs", settings)
            monkeypatch.setenv("FSSPEC_GS", json.dumps(settings))
        case "az":
            monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", request.getfixturevalue("azure"))
    kind = fsspec.get_filesystem_class(request.param)
    kind.clear_instance_cache()
    fsspec.filesystem(request.param).mkdir(bucket)
    yield f"{request.param}://{bucket}"
    kind.clear_instance_cache()


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes take the dataset's word, of which most tests are not."""
    monkeypatch.setattr("imagenetq.builder.publish.preflight.verify", lambda *_, **__: [])


@pytest.fixture(scope="session")
def local(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, built on this machine. Not to be changed by a test."""
    folder = tmp_path_factory.mktemp("local") / "q"
    with no_workers():
        build(open_source(source_230), folder, subset="mini", only=ONLY)
    return folder


@pytest.fixture
def objects() -> Callable[[str], dict[str, str]]:
    """SHA-256 of all objects below a URL, but the lock; none of them is a temporary one."""

    def read(url: str) -> dict[str, str]:
        import s3fs

        root = url.removeprefix("s3://")
        client = s3fs.S3FileSystem(use_listings_cache=False)
        return {
            path.removeprefix(f"{root}/"): hashlib.sha256(client.cat_file(path)).hexdigest()
            for path in client.find(root)
        }

    return read


@pytest.fixture(scope="session")
def files() -> Callable[[Path], dict[str, str]]:
    """SHA-256 of all files of a folder, but the lock."""

    def read(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): sha256_of(path)
            for path in folder.rglob("*")
            if path.is_file() and path.name != "lock"
        }

    return read


def reset(server: str) -> None:
    """Make the server as new."""
    request = urllib.request.Request(f"{server}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _server(command: list[str], port: int) -> Iterator[None]:
    """A server's process, from when it answers until the context is left."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended at once"
                assert time.monotonic() < deadline, f"{command[0]} does not answer"
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
