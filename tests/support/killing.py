"""Jobs in processes of their own that are killed before one of their steps, as by a power cut.

    steps = run(job, *arguments, below=folder)
    for number in range(len(steps)):
        run(job, *arguments, below=folder, kill_at=number)
        ...  # what is there now, and what the next job makes of it

A step is a change of a file below a folder of this machine, or a request that changes a bucket. A
job is a function of a module of the tests, which a process can import. `cut_off` leaves in a bucket
what a kill leaves there, without a process.
"""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

from imagenetq.retrying import StorageError

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
_REQUESTS = ("put_object", "delete_object", "delete_objects", "upload_part", "copy_object")

_PATIENCE = 300
"""Seconds for a job."""

_PRELOADED = [
    "datasets",
    "imagenetq.builder.publish.copying",
    "imagenetq.builder.verifying.verify",
    "imagenetq.evaluate.evaluation.run",
    "s3fs",
    "scipy.stats",
]
# What is not there would be passed over, and each process import all by itself.
assert all(map(find_spec, _PRELOADED))

# Each process is forked from one that has imported what takes long.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(_PRELOADED)


def run(
    job: Callable[..., None],
    *arguments: Any,
    below: Path | str,
    kill_at: int = -1,
    copy_to: Path | None = None,
) -> list[str]:
    """Do a job, and kill it before a step, or see what every kill would leave.

    Args:
        job: what to do.
        arguments: of it.
        below: the folder that it changes; for a bucket, anything else.
        kill_at: the step's number, from 0; if negative, it is let through.
        copy_to: a folder for copies of `below` before each step, named by the step's number, as
            soon as it is there. As a kill changes no file, they are what it leaves.

    Returns:
        The steps that it took, in order; the last one was not done if it was killed there.
    """
    with tempfile.NamedTemporaryFile() as log:
        process = _PROCESSES.Process(
            target=_watched,
            args=(job, arguments, dict(os.environ), str(below), log.name, kill_at, copy_to),
        )
        process.start()
        process.join(_PATIENCE)
        steps = Path(log.name).read_text().splitlines()
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
    assert code == (-signal.SIGKILL if 0 <= kill_at < len(steps) else 0), (code, steps)
    return steps


@contextmanager
def cut_off(at: int = -1) -> Iterator[list[str]]:
    """Watch what this process sends to buckets; before one of its steps, the line is cut for good.

    Args:
        at: the step's number, from 0; if negative, the line holds.

    Yields:
        The steps as they are taken; the last one was not done if the line was cut there.
    """
    steps: list[str] = []

    def pass_on(what: str | None) -> None:
        if what is not None and not 0 <= at < len(steps):
            steps.append(what)
        if 0 <= at < len(steps):
            raise StorageError("the line is cut")

    with _watched_requests(pass_on):
        yield steps


def _watched(
    job: Callable[..., None],
    arguments: tuple[Any, ...],
    environment: dict[str, str],
    below: str,
    log: str,
    kill_at: int,
    copy_to: Path | None,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    steps = os.open(log, os.O_WRONLY | os.O_APPEND)
    number = 0

    def step(what: str) -> None:
        nonlocal number
        os.write(steps, f"{what}\n".encode())
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if copy_to is not None and Path(below).exists():
            shutil.copytree(below, copy_to / str(number))
        number += 1

    _watch_files(below, step)
    with _watched_requests(lambda what: None if what is None else step(what)):
        job(*arguments)


def _watch_files(below: str, step: Callable[[str], None]) -> None:
    def changed(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in _CHANGES) and str(arguments[0]).startswith(below):
            step(f"{event} {str(arguments[0])[len(below) :]}")

    sys.addaudithook(changed)


@contextmanager
def _watched_requests(before: Callable[[str | None], None]) -> Iterator[None]:
    """Call a function before each request, with what it changes in a bucket, None if nothing."""
    import s3fs

    send = s3fs.S3FileSystem._call_s3

    @wraps(send)
    async def watched(self: Any, method: str, *options: Any, **more: Any) -> Any:
        before(f"{method} {more.get('Key', '')}" if method in _REQUESTS else None)
        return await send(self, method, *options, **more)

    with patch.object(s3fs.S3FileSystem, "_call_s3", watched):
        yield


def push(dataset: Path, place: str) -> None:
    """Copy a dataset to a storage, as `imagenetq push` does; it has been verified before."""
    from imagenetq.builder.publish import copying

    copying.require_verified = lambda *_: None
    copying.copy(dataset, place)


def render(pictures: Path, out: Path) -> None:
    """Render a folder of pictures, as `imagenetq render` does, without worker processes."""
    from imagenetq.builder.executors.local import SharedReporter
    from imagenetq.builder.pictures import render

    def in_turn(work: Any) -> Any:
        reporter = SharedReporter(multiprocessing.get_context("spawn"))
        return (work.function(work.context, unit, reporter) for unit in work.units)

    render.run_units = in_turn
    render.render_folder(pictures, out, only=["contrast-0.5", "jpeg-10"])
