"""Define what every folder of a dataset does, on this machine or in an object store.

Paths in it are relative, with slashes. A file is whole under its path, or not there. Whoever finds
a unit's record finds its shards, because the record is written after them. Whoever finds the
manifest finds everything.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from imagenetq.builder.folders.share import Share
from imagenetq.errors import FolderError
from imagenetq.files import AtomicFile
from imagenetq.manifest import MANIFEST_NAME, AnyModel, Manifest, no_manifest, parse_served

STATE = ".build"
"""Folder in the dataset's where a build keeps its plan, its records and its lock."""


class Hold:
    """The right to write to a folder, for as long as a context is open."""

    def require(self) -> None:
        """Refuse to go on if another build took the folder over."""


class DatasetFolder(ABC):
    """A folder of one dataset; picklable, so that workers can write there."""

    name: str
    """Path or URL of the folder."""

    state: Path
    """Folder on this machine for what a build needs beside the dataset."""

    disk: Path
    """Folder on the disk that fills up while a build writes, for messages."""

    is_local: bool
    """Whether the dataset itself lies on that disk."""

    tag: str = ""
    """Part of the names of unfinished files while a share of a build holds the folder."""

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def at(self, path: str) -> str:
        """Give a file's path or URL."""

    @abstractmethod
    def held(
        self, require_own: Callable[[], None], share: Share | None = None
    ) -> AbstractContextManager[Hold]:
        """Hold the folder against a second build, and remove what killed builds left behind.

        `require_own` is called before anything is written, and raises if the folder is not ours.
        For a share it is held beside those that build the others.
        """

    @abstractmethod
    def names(self) -> set[str]:
        """List the names of what lies in the folder itself; none if it does not exist."""

    @abstractmethod
    def files(self, below: str) -> dict[str, int]:
        """Give the size in bytes of each file below a folder; empty if the storage cannot list."""

    @abstractmethod
    def size(self, path: str) -> int | None:
        """Give a file's size in bytes; None if it is not there."""

    @abstractmethod
    def is_intact(self, path: str, n_bytes: int, sha256: str) -> bool:
        """Tell whether a file that was written is still there, as far as that is quick to tell.

        On this machine the file is read and hashed; elsewhere only its size is compared.
        """

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Read a small file; `FileNotFoundError` if it is not there."""

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Open a file, seekable, to read parts of it."""

    @abstractmethod
    def fetch(self, path: str) -> BinaryIO:
        """Open a file, seekable, to read all of it; a remote one is copied to this machine first.

        The copy has no name, and is gone when the file is closed, or the process killed.
        """

    @abstractmethod
    def at_hand(self, path: str) -> AbstractContextManager[Path]:
        """Give a file's path on this machine, for as long as a context is open.

        A remote file is copied to the folder for temporary files.
        """

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write a small file whole."""

    @abstractmethod
    def new_file(self, path: str) -> AtomicFile:
        """Open a file to be written piece by piece; it is there once it is committed."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def model(self, kind: type[AnyModel], path: str) -> AnyModel:
        """Read and validate a JSON file; `FolderError` if it is damaged or not there."""
        try:
            return parse_served(kind, self.read(path), self.at(path))
        except FileNotFoundError as missing:
            raise FolderError(str(missing)) from None

    def manifest(self) -> Manifest:
        """Read and validate the dataset's manifest."""
        try:
            data = self.read(MANIFEST_NAME)
        except FileNotFoundError:
            raise no_manifest(self) from None
        return parse_served(Manifest, data, self.at(MANIFEST_NAME))
