"""Keep finished tasks: one small file for each task's predictions, written atomically."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenetq.errors import FolderError
from imagenetq.evaluate.evaluation.answers import ANSWER, Answers
from imagenetq.evaluate.inputs.batch import SampleNote
from imagenetq.files import write_whole
from imagenetq.progress import say

_SUFFIX = ".part"
"""Suffix of a part's file. It holds a SHA-256 and what that is of: the stamp of what was evaluated,
and a table in Arrow's own format, which for so few rows is quicker to write and read than
Parquet."""

_DIGEST_BYTES = 32

_STORED = [name for name in ANSWER.names or () if name != "finite"]
"""Fields of an answer that are stored: all but `finite`, since only finite answers are stored."""

_REMOVED = ".removed"
"""Name of a folder of parts while it is being removed: nothing in it is ever adopted."""


@dataclass(frozen=True)
class Part:
    """A finished task's predictions."""

    notes: tuple[SampleNote, ...]
    """Notes of the task's samples, in order."""

    answers: Answers
    """Answers to these samples, in the same order."""


class Parts:
    """The finished tasks of one model, in a folder of its own.

    A part carries the stamp of what was evaluated. It is adopted only by an evaluation that gives
    its task the same stamp.
    """

    def __init__(self, folder: Path, stamp: Callable[[str], bytes]) -> None:
        """Name the folder; nothing is written yet.

        Args:
            folder: made when the first part is written.
            stamp: gives 32 bytes for a task's key, which differ where the answers could; see
                `plan.stamps`.
        """
        self.folder = folder
        self._stamp = stamp

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Select the keys of tasks that need not be evaluated again.

        A part of another evaluation does not count; nor does a damaged one, which is reported.
        """
        return {key for key in keys if self._path(key).is_file() and self._is_own(key)}

    def write(self, key: str, part: Part) -> None:
        """Store a task's predictions, either whole or not at all."""
        import pyarrow as pa

        columns: dict[str, Any] = {
            name: [getattr(note, name) for note in part.notes] for name in SampleNote._fields[1:]
        }
        columns |= {name: _column(part.answers[name]) for name in _STORED}
        table = pa.table(columns)
        buffer = BytesIO()
        with pa.ipc.new_file(buffer, table.schema) as file:
            file.write_table(table)
        content = buffer.getvalue()
        content = self._stamp(key) + content
        write_whole(self._path(key), sha256(content).digest() + content)

    def read(self, key: str) -> dict[str, Any]:
        """Read a task's predictions as columns: lists of names, and arrays of numbers.

        Raises:
            FolderError: the file is missing, damaged or of another evaluation.
        """
        import pyarrow as pa

        content = self._content(key)
        if content[:_DIGEST_BYTES] != self._stamp(key):
            raise FolderError(
                f"{self._path(key)}: of another evaluation, or the photographs changed under this "
                "one; run the command again"
            )
        with pa.ipc.open_file(content[_DIGEST_BYTES:]) as file:
            table = file.read_all()
        return {name: _values(table.column(name)) for name in table.column_names}

    def _is_own(self, key: str) -> bool:
        try:
            return self._content(key)[:_DIGEST_BYTES] == self._stamp(key)
        except FolderError:
            say(f"{self._path(key)}: damaged; its images are evaluated again")
            return False

    def _content(self, key: str) -> bytes:
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
        return content

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
    return folder.with_name(_REMOVED)


def _values(column: Any) -> list[str | None] | NDArray[Any]:
    """Give an Arrow column's strings, or its numbers; lists of numbers as rows."""
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        names: list[str | None] = column.to_pylist()
        return names
    if pa.types.is_fixed_size_list(column.type):
        flat = column.combine_chunks().flatten().to_numpy()
        rows: NDArray[Any] = flat.reshape(-1, column.type.list_size)
        return rows
    numbers: NDArray[Any] = column.to_numpy()
    return numbers


def _column(values: NDArray[Any]) -> Any:
    """Prepare numbers for an Arrow table, rows as lists, without a Python object for each."""
    import pyarrow as pa

    flat = np.ascontiguousarray(values)
    if flat.ndim == 1:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat.ravel(), flat.shape[1])
