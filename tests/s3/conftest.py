"""A real S3 server on this machine, a bucket in it, and a dataset to compare with."""

import hashlib
import json
import logging
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagenetq.builder import build, open_source
from imagenetq.files import sha256_of

ONLY = ["clean", "blur-3", "contrast-0.5", "jpeg-10"]
IMAGES = 230


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
def local(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, built on this machine. Not to be changed by a test."""
    folder = tmp_path_factory.mktemp("local") / "q"
    build(open_source(source_230), folder, subset="mini", only=ONLY, workers=2)
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
