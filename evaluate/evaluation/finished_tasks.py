"""Keep finished tasks: one small file for each task's predictions, written atomically."""

import shutil
from collections.abc import Callable, Iterable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import columns_of
from imagenetq.evaluate.evaluation.answers import ANSWER, AnsweredSamples
from imagenetq.files import write_whole
from imagenetq.progress import say

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIX = ".part"
"""Suffix of a part's file. It holds a SHA-256 and what that is of: the stamp of what was evaluated,
and a table in Arrow's own format, which for so few rows is quicker to write and read than
Parquet."""

_DIGEST_BYTES = 32

STORED = [name for name in ANSWER.names or () if name != "finite"]
"""Fields of an answer that are stored: all but `finite`, since only finite answers are stored."""


class Parts:
    """The finished tasks of one model, in a folder of its own.

    A part carries the stamp of what was evaluated. It is adopted only by an evaluation that gives
    its task the same stamp.
    """

    def __init__(self, folder: Path, stamp: Callable[[str], bytes]) -> None:
        """Name the folder, which is made when the first part is written.

        The stamp of a task's key, as `plan.stamps` makes it, differs where the answers could.
        """
        self.folder, self._stamp = folder, stamp

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Select the keys of tasks that need not be evaluated again.

        A part of another evaluation does not count; nor does a damaged one, which is reported.
        """
        finished = set()
        for key in keys:
            try:
                if self._path(key).is_file() and self._content(key)[0] == self._stamp(key):
                    finished.add(key)
            except FolderError:
                say(f"{self._path(key)}: damaged; its images are evaluated again")
        return finished

    def write(self, key: str, task: AnsweredSamples) -> None:
        """Store a task's predictions, either whole or not at all."""
        import pyarrow as pa

        columns: dict[str, Any] = columns_of(task.infos)
        for name in STORED:
            # Without a Python object for each number; rows of five become lists.
            values = np.ascontiguousarray(task.answers[name])
            if values.ndim > 1:
                values = pa.FixedSizeListArray.from_arrays(values.ravel(), values.shape[1])
            columns[name] = values
        table = pa.table(columns)
        buffer = BytesIO()
        with pa.ipc.new_file(buffer, table.schema) as file:
            file.write_table(table)
        content = self._stamp(key) + buffer.getvalue()
        write_whole(self._path(key), sha256(content).digest() + content)

    def read(self, key: str) -> "pa.Table":
        """Read a task's predictions: one row a sample, of its info and its answer."""
        import pyarrow as pa

        stamp, table = self._content(key)
        if stamp != self._stamp(key):
            raise FolderError(
                f"{self._path(key)}: of another evaluation, or the photographs changed under this "
                "one; run the command again"
            )
        with pa.ipc.open_file(table) as file:
            return file.read_all()

    def _content(self, key: str) -> tuple[bytes, bytes]:
        """Read the stamp and the table, and compare them with their hash."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise FolderError(
                f"{path}: missing; processes of several machines need an --out that they share"
            ) from None
        content = data[_DIGEST_BYTES:]
        if sha256(content).digest() != data[:_DIGEST_BYTES]:
            raise FolderError(f"{path}: damaged; run the command again")
        return content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"


def remove_parts(folder: Path) -> None:
    """Remove a folder of parts, and what is left of one whose removal was interrupted.

    The folder is renamed first, so that an interrupted removal leaves no parts under its name.
    """
    removed = _removed(folder)
    shutil.rmtree(removed, ignore_errors=True)
    if folder.exists():
        folder.rename(removed)
        shutil.rmtree(removed)


def has_leftovers(folder: Path) -> bool:
    """Tell whether there is a folder of parts, or what is left of one."""
    return folder.exists() or _removed(folder).exists()


def _removed(folder: Path) -> Path:
    """Name a folder of parts while it is being removed: nothing in it is ever adopted."""
    return folder.with_name(".removed")
