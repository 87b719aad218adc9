"""Read and write a dataset folder on this machine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from typing_extensions import override

from imagenetq.builder.folders.base import STATE, DatasetFolder, Hold
from imagenetq.builder.folders.file_lock import locked
from imagenetq.builder.folders.share import Share
from imagenetq.errors import FolderError
from imagenetq.files import AtomicFile, naming, remove_temporary_files, sha256_of, write_whole
from imagenetq.manifest import AnyModel, Manifest, read_manifest, read_model


class LocalFolder(DatasetFolder):
    """A folder on this machine.

    Files are written under temporary names, and renamed once they are on the disk. The lock ends
    with the process that holds it.
    """

    is_local = True

    def __init__(self, path: Path) -> None:
        """Name a folder; nothing is touched yet."""
        self.name = str(path)
        # A worker on another machine may have another working directory.
        self.path = path.absolute()
        self.disk = path
        self.state = self.path / STATE

    @override
    def at(self, path: str) -> str:
        return str(self.path / path)

    @override
    @contextmanager
    def held(self, require_own: Callable[[], None], share: Share | None = None) -> Iterator[Hold]:
        with ExitStack() as until:
            try:
                require_own()
                self.state.mkdir(parents=True, exist_ok=True)
                until.enter_context(locked(self.state, share, self.name))
            except OSError as error:
                reason = error.strerror or str(error)
                raise FolderError(
                    f"{self}: cannot be written ({reason}); give another folder"
                ) from None
            self.tag = share.tag if share else ""
            # Killed processes have left files; workers of ours that are killed leave more.
            remove_temporary_files(self.path, self.tag)
            until.callback(remove_temporary_files, self.path, self.tag)
            yield Hold()

    @override
    def names(self) -> set[str]:
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"{self} is a file; give a folder")
        return {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()

    @override
    def files(self, below: str) -> dict[str, int]:
        return {
            path.relative_to(self.path).as_posix(): path.stat().st_size
            for path in (self.path / below).rglob("*")
            if path.is_file()
        }

    @override
    def size(self, path: str) -> int | None:
        file = self.path / path
        return file.stat().st_size if file.is_file() else None

    @override
    def is_intact(self, path: str, n_bytes: int, sha256: str) -> bool:
        return self.size(path) == n_bytes and sha256_of(self.path / path) == sha256

    @override
    def read(self, path: str) -> bytes:
        with naming(self.path / path):
            return (self.path / path).read_bytes()

    @override
    def open(self, path: str) -> BinaryIO:
        return (self.path / path).open("rb")

    @override
    def fetch(self, path: str) -> BinaryIO:
        return self.open(path)

    @override
    @contextmanager
    def at_hand(self, path: str) -> Iterator[Path]:
        yield self.path / path

    @override
    def write(self, path: str, data: bytes) -> None:
        write_whole(self.path / path, data, self.tag)

    @override
    def new_file(self, path: str) -> AtomicFile:
        return AtomicFile(self.path / path, self.tag)

    @override
    def remove(self, path: str) -> None:
        (self.path / path).unlink(missing_ok=True)

    @override
    def model(self, kind: type[AnyModel], path: str) -> AnyModel:
        return read_model(kind, self.path / path, FolderError)

    @override
    def manifest(self) -> Manifest:
        return read_manifest(self.path)
