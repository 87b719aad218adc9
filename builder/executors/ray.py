"""Run units as tasks on a Ray cluster; a lost node or worker costs the units that it worked on.

The cluster is the one that `RAY_ADDRESS` names, else the one that runs on this machine, else one
that is started here for as long as the work lasts. Each node needs what this process has: the same
versions of the libraries, the source and the dataset's folder at the same places, and, for a
bucket, the keys to it. Where a node lacks something, the error names the node.
"""

import io
import logging
import os
import signal
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any, Generic, TextIO, cast

import ray
from ray import exceptions
from ray.job_config import JobConfig
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from typing_extensions import override

from imagenetq.builder.executors.base import (
    POLL_SECONDS,
    Context,
    Reporter,
    Result,
    Unit,
    Work,
    signals_ignored,
)
from imagenetq.errors import BuildStopped, ImagenetqError
from imagenetq.progress import Tally, say, usable_cores
from imagenetq.provenance import code_version, library_versions
from imagenetq.remote_errors import first_line
from imagenetq.selfcheck import check_platform
from imagenetq.workers import environment, portable

_ATTEMPTS = 5
"""Attempts at a unit whose workers die. Without a limit, a photograph that takes all memory would
end one worker after the other."""

_GRACE = 30.0
"""Seconds that interrupted tasks have to end and clean up by themselves."""

_CONNECT_SECONDS = 10.0
_OBJECT_BYTES = 2**28
"""Bytes for objects in a cluster of our own: results are small, and Ray would take a third of the
memory."""

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}

_LOST: dict[type[Exception], str] = {
    exceptions.NodeDiedError: "its node was lost",
    exceptions.OutOfMemoryError: "its node ran out of memory",
    exceptions.WorkerCrashedError: "its worker process was killed",
    exceptions.ObjectLostError: "its result was lost with its node",
}


@dataclass(frozen=True)
class _Run(Generic[Context, Unit, Result]):
    """What all tasks of a run share."""

    function: Callable[[Context, Unit, Reporter], Result]
    context: Context

    tallies: Any
    """Actor that tasks report to."""

    versions: dict[str, str]
    """Versions of the libraries, as the driver has them."""

    driver: str
    """Id of the driver's node."""


@ray.remote(num_cpus=0)
class _Tallies:
    """The counts of tasks, by unit, so that one that is run again does not count twice."""

    def __init__(self) -> None:
        self._of: dict[int, Tally] = {}

    def put(self, index: int, tally: Tally) -> None:
        self._of[index] = tally

    def total(self) -> Tally:
        return sum(self._of.values(), Tally(0, 0, 0))


class _TaskReporter(Reporter):
    """A reporter that sends a task's counts after each image, and waits for no answer."""

    def __init__(self, tallies: Any, index: int) -> None:
        self._tallies = tallies
        self._index = index
        self._tally = Tally(0, 0, 0)

    @override
    def advance(self, images: int, *, already_done: bool = False) -> None:
        self._tally += Tally(images, images if already_done else 0, 0)
        self._tallies.put.remote(self._index, self._tally)

    def finish(self) -> None:
        """Wait until all counts have arrived."""
        # Progress is no reason to fail.
        with suppress(exceptions.RayError):
            ray.get(self._tallies.put.remote(self._index, self._tally))

    @override
    def add_bytes(self, n_bytes: int) -> None:
        self._tally += Tally(0, 0, n_bytes)  # They are sent with the image.

    @override
    def stop_if_asked(self) -> None:
        # Ray interrupts a task that is cancelled.
        return


def run_units(work: Work[Context, Unit, Result]) -> Generator[Result, None, None]:
    """Do every unit, in tasks of one CPU; see `RunUnits`."""
    units = work.units
    with _connected():
        here = ray.get_runtime_context().get_node_id()
        tallies = _Tallies.options(  # type: ignore[attr-defined]
            scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False)
        ).remote()
        run = ray.put(_Run(work.function, work.context, tallies, _versions(), here))
        waiting = deque(range(len(units)))
        pending: dict[Any, int] = {}
        lost: Counter[int] = Counter()
        try:
            while waiting or pending:
                while waiting and len(pending) < (work.workers or len(units)):
                    index = waiting.popleft()
                    pending[_work.remote(run, index, units[index])] = index
                done, _ = ray.wait(list(pending), timeout=POLL_SECONDS)
                _show(tallies, work.on_tally)
                for task in done:
                    index = pending.pop(task)
                    try:
                        result = ray.get(task)
                    except tuple(_LOST) as error:
                        lost[index] += 1
                        _tell(error, index, lost[index])
                        waiting.appendleft(index)
                    except exceptions.RayError as error:
                        raise _cause(error) from None
                    else:
                        yield cast(Result, result)
        finally:
            with signals_ignored():
                _cancel(list(pending))
            _show(tallies, work.on_tally)


# A unit that is lost is begun again here, where that is counted and said.
@ray.remote(num_cpus=1, max_retries=0)
def _work(run: _Run[Any, Any, Any], index: int, unit: Any) -> Any:
    try:
        _require_same_libraries(run.versions)
        check_platform()
        reporter = _TaskReporter(run.tallies, index)
        result = run.function(run.context, unit, reporter)
        reporter.finish()
        return result
    except ImagenetqError as error:
        if ray.get_runtime_context().get_node_id() == run.driver:
            raise
        raise type(error)(f"{error} (on {socket.gethostname()})") from None
    except Exception as error:
        raise portable(error) from None


def _versions() -> dict[str, str]:
    return {"imagenetq": code_version(), **library_versions()}


def _show(tallies: Any, on_tally: Callable[[Tally], None]) -> None:
    # While the actor starts, or if it was killed, there are no counts; the work goes on.
    with suppress(exceptions.RayError):
        on_tally(ray.get(tallies.total.remote(), timeout=POLL_SECONDS))


def _require_same_libraries(expected: dict[str, str]) -> None:
    for name, version in _versions().items():
        if version != expected[name]:
            raise BuildStopped(
                f"{name} is {version} here, but {expected[name]} where the build was started; "
                "install the same version on every node"
            )


def _tell(error: Exception, index: int, times: int) -> None:
    reason = next(text for kind, text in _LOST.items() if isinstance(error, kind))
    if times == _ATTEMPTS:
        raise BuildStopped(
            f"unit {index} was lost {times} times, at last because {reason}; the same command goes "
            "on where it stopped, perhaps with fewer --workers"
        )
    say(f"unit {index}: {reason}; it is built again")


def _cause(error: Exception) -> Exception:
    """Give what a task raised; or, where it could not even begin, why."""
    cause = getattr(error, "cause", None) or error
    if not isinstance(cause, exceptions.RayError):
        return cast(Exception, cause)
    reason = first_line(cause)
    return BuildStopped(
        f"Ray cannot run a unit ({reason}); see that every node has what this machine has: "
        "pip install 'imagenetq[ray]'"
    )


def _cancel(tasks: list[Any]) -> None:
    """End tasks: those that wait at once, those that run as if by Ctrl-C."""
    if not tasks:
        return
    for task in tasks:
        ray.cancel(task)
    _, left = ray.wait(tasks, num_returns=len(tasks), timeout=_GRACE)
    for task in left:
        ray.cancel(task, force=True)


@contextmanager
def _connected() -> Iterator[None]:
    """Connect to a cluster, without Ray's own lines on the terminal."""
    if ray.is_initialized():
        yield
        return
    with redirect_stdout(cast(TextIO, _WithoutRaylets(sys.stdout))):
        ours = signal.getsignal(signal.SIGTERM)
        try:
            _connect()
        finally:
            # Connecting sets a handler that does not clean up.
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, ours)
        try:
            resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
            say(f"Ray: {resources.get('CPU', 0):.0f} CPUs")
            yield
        finally:
            # Reports that were kept back, in case they came again, would be printed now.
            with redirect_stdout(io.StringIO()):
                ray.shutdown()


def _connect() -> None:
    """Join the cluster at the address that was given, or any, or else start one."""
    address = os.environ.get("RAY_ADDRESS") or "auto"
    _require_listener(address)
    if address != "local":
        try:
            ray.init(address=address, job_config=_CleanJob(), **_QUIET)
            return
        except (ConnectionError, ValueError, RuntimeError) as error:
            if address != "auto":
                raise BuildStopped(_no_cluster(address, error)) from None
    say("no Ray cluster to join; one is started on this machine")
    with environment({"RAY_USAGE_STATS_ENABLED": "0"}):
        ray.init(
            address="local",
            num_cpus=usable_cores(),
            object_store_memory=_OBJECT_BYTES,
            include_dashboard=False,
            job_config=_CleanJob(),
            **_QUIET,
        )


class _CleanJob(JobConfig):
    """A job whose workers do not search the driver's folders, where any `torch.py` may lie."""

    def _runtime_env_has_working_dir(self) -> bool:
        # Without one, Ray puts this process's working directory before all that is installed.
        return True


def _require_listener(address: str) -> None:
    """Try a cluster's port first, because Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "://" in address or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise BuildStopped(_no_cluster(address, error)) from None


def _no_cluster(address: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or first_line(error)
    return f"no Ray cluster at {address} ({reason}); start it, or set RAY_ADDRESS to another"


class _WithoutRaylets(io.TextIOBase):
    """Standard output without Ray's reports of nodes, such as that one has died."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @override
    def write(self, text: str) -> int:
        # It is Ray's thread for such reports that calls.
        if threading.current_thread().name == "ray_listen_error_messages":
            return len(text)
        return self._stream.write(text)

    @override
    def flush(self) -> None:
        self._stream.flush()
