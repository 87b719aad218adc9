"""A small dataset, a Hub to push it to, and a process that pushes, quickly and often."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_server import HubServer
from imagenetq.builder import build, open_source
from no_workers import no_workers

VARIANTS = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-28"]
IMAGES = 8
WRITER, READER = "hf_writer", "hf_reader"


class Client:
    """A process that imported the real clients once, and forks a child for each job.

    They read HF_ENDPOINT when they are imported, which takes a second; so a child a job is what
    makes many pushes quick, and a child can be killed.
    """

    def __init__(self, hub: HubServer, home: Path) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.home = home
        self.environment = inherited | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_XET_CLIENT_RETRY_BASE_DELAY": "10ms",
            "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "2",
        }
        self._child = 0
        self._heard = 0
        with (home / "stderr").open("w") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("client.py"))],
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def do(self, work: str, **arguments: Any) -> Any:
        """What a function of `client.py` gives; None if its process was killed."""
        job = {"work": work, "token": WRITER, "xet": False} | arguments
        self._process.stdin.write(json.dumps(job, default=str) + "\n")
        self._process.stdin.flush()
        self._child = int(self._process.stdout.readline())
        return json.loads(self._process.stdout.readline())

    def push(self, folder: Path, name: str = "org/q", **options: Any) -> Any:
        """Push: what is published, or the error, or None."""
        return self.do("push", dataset=folder, name=name, **options)

    def kill(self) -> None:
        """Kill the process that does the job."""
        os.kill(self._child, signal.SIGKILL)

    def said(self) -> str:
        """What was said on standard error since the last call."""
        said = (self.home / "stderr").read_text()
        news, self._heard = said[self._heard :], len(said)
        return news

    def forget(self) -> None:
        """Forget what Xet's client remembers of chunks that it has sent."""
        shutil.rmtree(self.home / "xet", ignore_errors=True)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def client(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(server, tmp_path_factory.mktemp("home"))
    yield client
    client.close()


@pytest.fixture
def hub(server: HubServer, client: Client) -> HubServer:
    """An empty Hub."""
    server.reset()
    server.tokens |= {WRITER: "write", READER: "read"}
    client.forget()
    client.said()
    return server


@pytest.fixture(scope="session")
def source(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("publishing") / "images", IMAGES)


@pytest.fixture(scope="session")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of six variants. Not to be changed by a test."""
    folder = tmp_path_factory.mktemp("published") / "q"
    with no_workers():
        build(open_source(source), folder, subset="mini", only=VARIANTS)
    return folder


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """What a push of a folder should leave in the repository, but for what names the repository."""
    renewed = ("README.md", "croissant.json")

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and ".build" not in path.parts and path.name not in renewed
        }

    return read
