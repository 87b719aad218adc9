"""What several tests need: small but real sources, and the command line as a user calls it."""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imagenetq import classes
from imagenetq.builder import open_source
from imagenetq.cli import app
from no_workers import no_workers

# A background job of a shell ignores Ctrl-C, and so would every command that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

Source = Callable[..., Path]
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
Open = Callable[..., Any]

_IMAGENET_SAMPLE = Path(__file__).parents[2] / "shared" / "imagenet-sample"
_WEIGHTS = Path(__file__).parents[2] / "shared" / "weights"


@pytest.fixture(scope="session")
def imagenet_sample() -> Path:
    """The folder of 200 real ImageNet photographs, which the repository must not hold."""
    if not _IMAGENET_SAMPLE.is_dir():
        pytest.skip("no ImageNet photographs in ../shared/imagenet-sample")
    return _IMAGENET_SAMPLE


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The folder of two real ImageNet networks' weights, which the repository must not hold."""
    if not _WEIGHTS.is_dir():
        pytest.skip("no ImageNet weights in ../shared/weights")
    return _WEIGHTS


@pytest.fixture(scope="session")
def photograph() -> Image.Image:
    """A photograph of the embedded sample."""
    sample = open_source("sample")
    (chelsea,) = [image for image in sample.images() if image.image_id == "chelsea"]
    return Image.open(io.BytesIO(sample.read(chelsea))).convert("RGB")


@pytest.fixture(scope="session")
def make_source(photograph: Image.Image) -> Source:
    """Writes a folder of class folders: small crops of a real photograph, one a class."""

    def make(folder: Path, n_images: int) -> Path:
        places = np.random.default_rng(7)
        for index, wnid in enumerate(classes.wnids()[:n_images]):
            left, top = (int(places.integers(0, limit)) for limit in (380, 240))
            path = folder / wnid / f"ILSVRC2012_val_{index + 1:08d}.JPEG"
            path.parent.mkdir(parents=True)
            photograph.crop((left, top, left + 40, top + 31)).save(path, "JPEG", quality=90)
        return folder

    return make


@pytest.fixture(scope="session")
def source_230(make_source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """230 images: three units, the last not full. Not to be changed by a test."""
    return make_source(tmp_path_factory.mktemp("source") / "images", 230)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many bytes; as root, where that is allowed."""
    disk = tmp_path / "disk"

    def mount(n_bytes: int) -> Path:
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(disk)]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk needs root and the right to mount a tmpfs")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(scope="session")
def executable() -> str:
    """The installed command."""
    return str(Path(sys.executable).parent / "imagenetq")


@pytest.fixture(scope="session")
def run(executable: str) -> Command:
    """Runs `imagenetq` as a user does."""

    def call(*arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return call


@pytest.fixture(scope="session")
def call() -> Command:
    """Runs `imagenetq` in this process: as `run`, without what it takes to start one."""

    def call(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        words = [*map(str, arguments)]
        with chdir(cwd or Path.cwd()):
            ended = CliRunner().invoke(app, words)
        if not isinstance(ended.exception, SystemExit | None):
            raise ended.exception
        return subprocess.CompletedProcess(words, ended.exit_code, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def start(executable: str) -> Iterator[Start]:
    """Starts `imagenetq` as a user does; what is not through when the test ends is killed."""
    processes = []

    def begin(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [executable, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def in_this_process() -> Iterator[None]:
    """Builds and verifications start no worker, which takes longer than a few small images."""
    with no_workers():
        yield


@pytest.fixture(scope="module")
def module_in_this_process() -> Iterator[None]:
    """As `in_this_process`, for fixtures that build for all tests of a module."""
    with no_workers():
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a file's tests: while it runs, its process can run no other event loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium; apt-get install chromium")
    with playwright.sync_playwright() as started:
        # As root, and where a container allows no namespaces, there is no sandbox.
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Open]:
    """Opens a page from disk; at the end nothing may have gone wrong in it.

    No error may have been logged, and nothing asked of anywhere but the disk.
    """
    contexts, wrong = [], []

    def watch(page: Any) -> None:
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on(
            "requestfailed",
            lambda request: (
                None  # The page was left before it was all there.
                if request.failure == "net::ERR_ABORTED"
                else wrong.append(f"failed: {request.url}")
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:", "blob:"))
                else wrong.append(f"asked: {request.url}")
            ),
        )

    def open_page(
        path: Path, at: str = "", *, width: int = 1280, height: int = 900, **options: Any
    ) -> Any:
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(f"{path.as_uri()}{at}")
        # The page's data are inflated after it was loaded.
        page.wait_for_selector("body:not(:has([aria-busy]))")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
