"""Servers of other storages than S3, each as its own project tests it; absent ones are skipped."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import fsspec
import pytest

_AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Azurite's own, which its documentation tells everybody."""


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


@pytest.fixture(params=["file", "gs", "az"])
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
