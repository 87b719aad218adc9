"""Open files wherever they lie: on this machine, on the Hub, or at any address fsspec knows.

An address is a path or a URL, such as `https://host/q/manifest.json`, `s3://bucket/q` or
`hf://datasets/ORG/NAME@COMMIT`. Whatever a remote storage's client raises becomes an `OSError` with
a message of one line: `FileNotFoundError`, `PermissionError`, `Interrupted` if asking again may
help, or `StorageError` if it may not.
"""

import glob
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from imagenetq.errors import ImagenetqError, UsageError
from imagenetq.remote_errors import MISREAD, first_line, is_busy, is_misread, named, status_of
from imagenetq.retrying import Interrupted, StorageError

_HTTP = ("http", "https")
_STREAMING = (*_HTTP, "hf")
"""Protocols whose clients answer `block_size=0` with one request that streams the whole file."""

_EXTRAS = {"s3fs": "s3", "gcsfs": "gs", "adlfs": "az"}
"""Extras of ours, by the packages that they bring."""

_SILENCE = 60.0
"""Seconds without a byte after which an HTTP connection counts as lost."""


def local_path(address: str) -> Path | None:
    """Find the local path that an address means; None if it is remote."""
    if "://" not in address:
        return Path(address)
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def join(root: str, path: str) -> str:
    """Make the address of a file below a folder."""
    return f"{root.rstrip('/')}/{path}"


def open_stream(address: str, n_bytes: int | None = None) -> BinaryIO:
    """Open a file to be read once from its beginning; over HTTP and from the Hub in one request."""
    path = local_path(address)
    if path is not None:
        return path.open("rb")
    with explained(address):
        client, name = file_system(address)
        # Streams need no size, but without one the client would ask for it first.
        options = (
            {"block_size": 0, "size": n_bytes or 1}
            if _protocol(address) in _STREAMING
            else {"block_size": 8 * 2**20, "cache_type": "readahead"}
        )
        file = client.open(name, "rb", **options)
    return io.BufferedReader(_Remote(address, file), 2**20)


def sizes(root: str, paths: Iterable[str]) -> dict[str, int] | None:
    """Find the size in bytes, by path, of those of a folder's files that are there.

    Other files may be included. None if the storage cannot list, so that only reading tells.
    """
    folder = local_path(root)
    if folder is not None:
        return {p: (folder / p).stat().st_size for p in paths if (folder / p).is_file()}
    return remote_sizes(root, "data")


def remote_sizes(root: str, below: str) -> dict[str, int] | None:
    """Give the size in bytes, by path from `root`, of each file below one of its folders.

    None if the storage cannot list.
    """
    if _protocol(root) in _HTTP:
        return None
    with explained(root):
        client, name = file_system(root)
        client.invalidate_cache()
        try:
            listed = client.find(f"{name}/{below}", detail=True)
        except FileNotFoundError:
            return {}
    return {path.removeprefix(f"{name}/"): info["size"] for path, info in listed.items()}


def expand_glob(pattern: str) -> list[str]:
    """List the addresses that match a pattern with `*` or `[]`, sorted; itself if it is none."""
    path = local_path(pattern)
    if path is not None and (path.is_file() or not glob.has_magic(str(path))):
        return [str(path)]
    if path is not None:
        return sorted(glob.glob(str(path)))  # noqa: PTH207 - the pattern may be absolute
    if not set("*[") & set(pattern):
        return [pattern]
    with explained(pattern):
        client, name = file_system(pattern)
        return sorted(client.unstrip_protocol(match) for match in client.glob(name))


@contextmanager
def explained(address: str, *, writing: bool = False) -> Iterator[None]:
    """Turn what a storage's client raises into an `OSError` of one line."""
    try:
        yield
    except (ImagenetqError, StorageError):
        raise
    except Exception as error:
        raise _explanation(address, error, writing=writing) from error


def file_system(address: str) -> tuple[Any, str]:
    """Give fsspec's file system for a remote address, and the file's name in it."""
    import fsspec
    import fsspec.config

    options: dict[str, Any] = {}
    try:
        if _protocol(address) in _HTTP:
            import aiohttp

            # The default ends a connection after five minutes, however busy it is.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
            options["client_kwargs"] = {"timeout": timeout}
        if _protocol(address) in ("s3", "s3a"):
            # s3fs repeats five times what its own client repeats five times: minutes of silence.
            given = fsspec.config.conf.get(_protocol(address), {}).get("config_kwargs", {})
            options["config_kwargs"] = {"retries": {"total_max_attempts": 1}} | given
        return cast("tuple[Any, str]", fsspec.url_to_fs(address, **options))
    except ImportError as error:
        raise UsageError(f"{address}: {_missing_package(address, error)}") from error
    except ValueError as error:
        raise UsageError(
            f"{address}: fsspec cannot open it ({first_line(error)}); check the address, or copy "
            "the dataset to this machine"
        ) from error


def _explanation(address: str, error: Exception, *, writing: bool) -> OSError:
    status = status_of(error)
    reason = f"HTTP {status}" if status else named(error)
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        if writing:
            return FileNotFoundError(f"{address}: there is no such bucket or place; make it first")
        return FileNotFoundError(f"{address}: there is no such file")
    # Clients have many names for missing credentials, such as NoCredentialsError.
    if isinstance(error, PermissionError) or status in (401, 403) or "Credential" in reason:
        return PermissionError(
            f"{address}: the storage refuses it ({reason}); log in there, or check the credentials"
        )
    if is_misread(error):
        return StorageError(f"{address}: cannot be read or written: {MISREAD}")
    message = f"{address}: cannot be {'written' if writing else 'read'} ({reason})"
    # fsspec raises a ValueError where, for instance, a server cannot serve a part of a file.
    for_good = isinstance(error, ValueError) if status is None else not is_busy(error)
    return StorageError(message) if for_good else Interrupted(message)


def _missing_package(address: str, error: ImportError) -> str:
    """Say what to install for an address that fsspec knows but cannot open."""
    from fsspec.registry import known_implementations

    implementation = known_implementations.get(_protocol(address), {}).get("class", "fsspec")
    package = implementation.partition(".")[0]
    if package == "fsspec":
        return f"fsspec cannot open it ({first_line(error)}); install what is missing"
    extra = f" (extra [{_EXTRAS[package]}])" if package in _EXTRAS else ""
    return f"needs a package that is not installed; pip install {package}{extra}"


def _protocol(address: str) -> str:
    return urlsplit(address).scheme


class _Remote(io.RawIOBase):
    """A client's file object whose failures are explained."""

    def __init__(self, address: str, file: Any) -> None:
        self._address = address
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with explained(self._address):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            with suppress(Exception):
                self._file.close()
            # The Hub's client ends a stream's connection only when its file object is gone.
            self._file = None
        super().close()
