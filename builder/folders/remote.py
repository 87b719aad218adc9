"""Read and write a dataset folder in an object store, or wherever else fsspec reaches.

Objects appear whole under their names, so nothing is renamed. A shard is made in a file on this
machine and then uploaded, so neither memory nor the storage holds half of one. These files, the
lock of this machine, and the photographs of a remote source lie in the user's cache folder.
"""

import errno
import hashlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

from typing_extensions import override

from imagenetq.builder.folders.base import DatasetFolder, Hold
from imagenetq.builder.folders.file_lock import locked
from imagenetq.builder.folders.object_lock import ObjectLock
from imagenetq.builder.folders.share import Share
from imagenetq.errors import FolderError, UsageError
from imagenetq.files import (
    AtomicFile,
    cache_home,
    naming,
    read_at_most,
    remove_temporary_files,
    temporary_path,
)
from imagenetq.manifest import MAX_BYTES
from imagenetq.retrying import Patience, StorageError, retried
from imagenetq.storage import explained, file_system, join, open_stream, remote_sizes

_PART = 2**14
"""Bytes of a shard's columns that are read at a time: little more than the hashes of some rows."""

_SILENCE = 60.0
_SLOWEST = 2**16
"""Bytes a second that the slowest line is expected to send."""

Result = TypeVar("Result")


class RemoteFolder(DatasetFolder):
    """A folder named by its URL; each request is repeated while the storage is busy."""

    is_local = False

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        """Name a folder; nothing is read yet."""
        self.name = url.rstrip("/")
        file_system(self.name)
        self._patience = patience or Patience()
        self._sizes: dict[str, int] | None = None
        self._settle()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._settle()

    def _settle(self) -> None:
        """Choose a folder on this machine; a worker on another one chooses its own."""
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        # Unfinished builds rely on this name, which is not that of `user_cache`.
        self.state = self.disk = cache_home() / "imagenet-q" / digest[:32]

    @override
    def at(self, path: str) -> str:
        return join(self.name, path)

    @override
    @contextmanager
    def held(self, require_own: Callable[[], None], share: Share | None = None) -> Iterator[Hold]:
        self._require_writable()
        with ExitStack() as until:
            try:
                self.state.mkdir(parents=True, exist_ok=True)
                until.enter_context(locked(self.state, share, self.name))
                require_own()
                self.tag = share.tag if share else ""
                remove_temporary_files(self.state, self.tag)
                until.callback(remove_temporary_files, self.state, self.tag)
                claim = until.enter_context(ObjectLock(self, self._machine(), share))
                # From now on only we write the files of our units, so these sizes stay true.
                self._sizes = self.files("data")
            except OSError as error:
                # The system names a file of this machine; a storage's failure speaks for itself.
                cure = "set XDG_CACHE_HOME to a folder you may write"
                local = f"{error.filename}: {error.strerror}; {cure}"
                raise FolderError(local if error.filename else str(error)) from None
            try:
                yield claim
            finally:
                self._sizes = None

    @override
    def names(self) -> set[str]:
        def ask(client: Any, root: str) -> set[str]:
            client.invalidate_cache()
            try:
                names = client.ls(root, detail=False)
            except FileNotFoundError:
                return set()
            if [name.strip("/") for name in names] == [root.strip("/")] and client.isfile(root):
                raise FolderError(f"{self} is a file; give a folder")
            return {name.rstrip("/").rpartition("/")[2] for name in names}

        return self._ask("", ask)

    @override
    def files(self, below: str) -> dict[str, int]:
        return retried(lambda: remote_sizes(self.name, below), self._patience) or {}

    @override
    def size(self, path: str) -> int | None:
        def ask(client: Any, name: str) -> int:
            client.invalidate_cache()
            return int(client.info(name)["size"])

        try:
            return self._ask(path, ask)
        except FileNotFoundError:
            return None

    @override
    def is_intact(self, path: str, n_bytes: int, sha256: str) -> bool:
        # To compare its hash, the object would have to be downloaded. `verify` does that.
        size = self.size(path) if self._sizes is None else self._sizes.get(path)
        return size == n_bytes

    @override
    def read(self, path: str) -> bytes:
        def ask() -> bytes:
            with open_stream(self.at(path)) as file:
                return read_at_most(file, MAX_BYTES)

        try:
            return retried(ask, self._patience)
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            raise FolderError(f"{self.at(path)}: {error.strerror}") from None

    @override
    def open(self, path: str) -> BinaryIO:
        return cast(
            BinaryIO,
            self._ask(path, lambda client, name: client.open(name, "rb", block_size=_PART)),
        )

    @override
    def fetch(self, path: str) -> BinaryIO:
        copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
        try:
            self._copy(path, copy)
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return copy

    @override
    @contextmanager
    def at_hand(self, path: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="imagenet-q-") as folder:
            local = Path(folder) / PurePosixPath(path).name
            with naming(folder), local.open("wb") as copy:
                self._copy(path, copy)
            yield local

    @override
    def write(self, path: str, data: bytes) -> None:
        def ask(client: Any, name: str) -> None:
            _in_time(client, "pipe_file", name, data, n_bytes=len(data))

        self._ask(path, ask, writing=True)

    def create(self, path: str, data: bytes) -> bool:
        """Write a small file unless it exists; tell whether it was written.

        This is exclusive where the storage can be; elsewhere the file is looked for first.
        """

        def ask(client: Any, name: str) -> bool:
            try:
                _in_time(client, "pipe_file", name, data, n_bytes=len(data), mode="create")
            except FileExistsError:
                return False
            return True

        try:
            return self._ask(path, ask, writing=True)
        except (StorageError, TypeError):
            # The storage, or its client, knows no such mode.
            if self.size(path) is not None:
                return False
            self.write(path, data)
            return True

    @override
    def new_file(self, path: str) -> AtomicFile:
        def send(file: Path) -> None:
            def ask(client: Any, name: str) -> None:
                _in_time(client, "put_file", str(file), name, n_bytes=file.stat().st_size)

            self._ask(path, ask, writing=True)

        return _Upload(self.state / "shards" / path, self.tag, send)

    @override
    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._ask(path, lambda client, name: client.rm_file(name), writing=True)

    def _ask(
        self, path: str, request: Callable[[Any, str], Result], *, writing: bool = False
    ) -> Result:
        """Give what a request returns; it takes the client, and the client's name of the file."""

        def ask() -> Result:
            with explained(self.at(path) if path else self.name, writing=writing):
                client, root = file_system(self.name)
                return request(client, f"{root}/{path}" if path else root)

        return retried(ask, self._patience)

    def _copy(self, path: str, copy: BinaryIO) -> None:
        def ask() -> None:
            copy.seek(0)
            copy.truncate()
            with open_stream(self.at(path)) as file:
                shutil.copyfileobj(file, copy, 2**20)

        retried(ask, self._patience)

    def _require_writable(self) -> None:
        parts = urlsplit(self.name)
        if parts.scheme in ("http", "https"):
            raise UsageError(f"{self}: a web server takes no files; give a folder or a bucket")
        if parts.scheme == "hf" and parts.netloc != "buckets":
            raise UsageError(
                f"{self}: each of thousands of files would be a commit of its own; build into a "
                "folder, and publish that with `imagenetq push`"
            )

    def _machine(self) -> str:
        """Give this machine's id in the folder's locks, kept beside the lock of this machine."""
        path = self.state / "machine"
        if not path.is_file():
            drawn = temporary_path(path)
            drawn.write_text(uuid.uuid4().hex)
            # Several shares of this machine may begin at once: the first one's is kept.
            with suppress(FileExistsError):
                path.hardlink_to(drawn)
            drawn.unlink()
        return path.read_text()


class _Upload(AtomicFile):
    """A file on this machine that is uploaded instead of renamed."""

    def __init__(self, path: Path, tag: str, send: Callable[[Path], None]) -> None:
        super().__init__(path, tag)
        self._send = send

    @override
    def commit(self) -> None:
        self._file.close()
        self._send(self._temporary)
        self._temporary.unlink()


def _in_time(client: Any, method: str, *arguments: Any, n_bytes: int, **options: Any) -> None:
    """Call a method that sends so many bytes, and give it up when it takes too long.

    Clients wait for ever where a server falls silent.
    """
    from fsspec.asyn import AsyncFileSystem, sync

    if not isinstance(client, AsyncFileSystem):
        getattr(client, method)(*arguments, **options)
        return
    seconds = _SILENCE + n_bytes / _SLOWEST
    sync(client.loop, getattr(client, f"_{method}"), *arguments, timeout=seconds, **options)
