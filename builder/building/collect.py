"""Collect the units that workers finish, and name the bad originals of the others."""

import errno
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Protocol, TypeVar

from rich.filesize import decimal

from imagenetq.builder.building.unit_records import record_path
from imagenetq.builder.folders import STATE, DatasetFolder, Hold
from imagenetq.errors import BuildStopped, FolderError
from imagenetq.manifest import AnyModel
from imagenetq.progress import Meter, say

BUILD_PLAN, RENDER_PLAN = f"{STATE}/plan.json", f"{STATE}/render-plan.json"
"""Where `build` and `render` keep their plans; no folder has both."""

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Finished(Protocol):
    """A unit that is done and whose record is written."""

    @property
    def index(self) -> int:
        """The unit's number."""

    @property
    def n_originals(self) -> int:
        """The number of the unit's originals, bad ones included."""


class Bad(Protocol):
    """A bad original, which keeps its unit from being done."""

    @property
    def reason(self) -> str:
        """What is wrong, where, and what to do."""


AnyFinished = TypeVar("AnyFinished", bound=Finished)
AnyBad = TypeVar("AnyBad", bound=Bad)


def require_own(folder: DatasetFolder, plan: str, manifest: str, what: str) -> None:
    """Refuse a folder that is neither empty nor begun by the same command.

    `plan` and `manifest` are where that command keeps them, `what` is what it makes, in words.
    """
    names = folder.names()
    plans = (BUILD_PLAN, RENDER_PLAN) if STATE in names else ()
    begun = [known for known in plans if folder.size(known) is not None]
    if plan in begun:
        return
    if manifest in names:
        raise FolderError(
            f"{folder} is {what} without the {STATE} folder of its making; verify it, "
            "or give another --out"
        )
    # What was killed in its first second has left its lock, or a fetched original.
    if names - {STATE} or begun:
        raise FolderError(f"{folder} holds other files; give an empty or a new folder as --out")


def begin(
    folder: DatasetFolder,
    path: str,
    plan: AnyModel,
    require_same: Callable[[DatasetFolder, AnyModel, AnyModel], None],
) -> None:
    """Record a plan, or require that it is the one that the folder was begun with."""
    if folder.size(path) is not None:
        try:
            begun = folder.model(type(plan), path)
        except FolderError as damaged:
            again = "build" if path == BUILD_PLAN else "render"
            raise FolderError(f"{damaged}; remove {folder} and {again} again") from None
        require_same(folder, begun, plan)
    folder.write(path, plan.model_dump_json().encode())


def earlier_if_same(folder: DatasetFolder, path: str, manifest: AnyModel) -> AnyModel:
    """Give the folder's earlier manifest if nothing was made anew: it names the code that did."""
    try:
        earlier = folder.model(type(manifest), path)
    except FolderError:
        return manifest
    is_same = earlier.model_dump(exclude={"code"}) == manifest.model_dump(exclude={"code"})
    return earlier if is_same else manifest


def collect(
    folder: DatasetFolder,
    hold: Hold,
    progress: Meter,
    results: Generator[AnyFinished | list[AnyBad], None, None],
) -> list[AnyFinished]:
    """Collect all finished units, in their order, for as long as `hold` lasts.

    `progress` counts originals. `results` gives for each unit, as it ends, the finished unit, or
    the bad originals that kept it from being done.
    """
    units: list[AnyFinished] = []
    bad: list[AnyBad] = []
    try:
        with closing(results):
            for result in results:
                hold.require()
                if isinstance(result, list):
                    bad.extend(result)
                elif folder.size(record_path(result.index)) is None:
                    raise FolderError(
                        f"{folder}: a worker on another machine wrote to a folder of its own; give "
                        "a folder that all machines share, or a bucket, as --out"
                    )
                else:
                    units.append(result)
    except KeyboardInterrupt:
        done = f"{_n_originals(units)} of {progress.total} {progress.unit}"
        say(f"{done} are done; the same command goes on")
        raise
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise BuildStopped(_missing_space(folder, progress, _n_originals(units))) from None
        raise
    if bad:
        for line in sorted(original.reason for original in bad):
            say(line)
        raise BuildStopped(
            f"{folder} is incomplete for want of the {progress.unit} named above ({len(bad)}); "
            "mend them, or add --skip-bad to leave them out, and run the same command again"
        )
    return sorted(units, key=lambda unit: unit.index)


@contextmanager
def full_disk_explained(folder: DatasetFolder) -> Iterator[None]:
    """Turn the error of a full disk, at any time of the work, into a `BuildStopped`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise BuildStopped(_full_disk(folder)) from None


def _n_originals(units: list[AnyFinished]) -> int:
    return sum(unit.n_originals for unit in units)


def _missing_space(folder: DatasetFolder, progress: Meter, n_done: int) -> str:
    if not folder.is_local:
        return _full_disk(folder)
    tally = progress.tally
    rendered = tally.images - tally.already_done
    left = progress.total - n_done
    need = f"about {decimal(int(tally.bytes / rendered * left))}" if tally.bytes else "space"
    return (
        f"{folder.disk}: the disk is full; the {left} {progress.unit} that are not done need "
        f"{need}; free it, and the same command goes on where it stopped"
    )


def _full_disk(folder: DatasetFolder) -> str:
    return f"{folder.disk}: the disk is full; free some space, and the same command goes on"
