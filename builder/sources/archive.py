"""Read ImageNet from the tar of validation photographs, without unpacking it."""

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from typing_extensions import override

from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.labels import find_labels
from imagenetq.builder.sources.listing import members
from imagenetq.errors import BadImage, SourceError
from imagenetq.pictures import MAX_FILE_BYTES, is_image_name, reason
from imagenetq.selection import SourceImage

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""First bytes of gzip, bzip2, xz and zstd files."""

_MAX_HEADER_BYTES = 2**20
"""Most bytes of a header: real ones have a few hundred, and a forged one could claim all memory."""


class _Member(NamedTuple):
    """The place of a photograph's bytes in the tar."""

    offset: int
    n_bytes: int


@dataclass(frozen=True)
class TarArchive(Source):
    """A plain tar of photographs, such as `ILSVRC2012_img_val.tar`, with its labels beside it.

    Pickles hold the path alone: each process indexes the tar once, when it first needs it.
    """

    path: Path

    kind = "tar"

    @override
    def images(self) -> Sequence[SourceImage]:
        names = list(self._members())
        labels = find_labels(self.path.parent)
        return [labels.image(name) for name in names]

    @override
    def read(self, image: SourceImage) -> bytes:
        name = image.name
        member = self._members().get(name)
        if member is None:
            raise BadImage(f"{name}: there is no such file; use the tar that was listed")
        if member.n_bytes > MAX_FILE_BYTES:
            raise BadImage(f"{name}: larger than {MAX_FILE_BYTES >> 20} MiB; leave it out")
        try:
            with self.path.open("rb") as file:
                file.seek(member.offset)
                return file.read(member.n_bytes)
        except OSError as error:
            raise BadImage(
                f"{name}: cannot be read ({reason(error)}); get the tar again"
            ) from error

    def _members(self) -> dict[str, _Member]:
        try:
            status = self.path.stat()
            return _index(self.path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise SourceError(
                f"{self.path}: cannot be read ({reason(error)}); name a tar that you may read"
            ) from error


class _HeaderFile(io.FileIO):
    """A file from which nothing larger than a tar header is read at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        return super().read(size) or b""


@lru_cache(maxsize=1)
def _index(path: Path, n_bytes: int, mtime_ns: int) -> dict[str, _Member]:
    """Index the photographs of a tar.

    Size and time of change are part of the cache's key, so that a changed tar is indexed again.
    """
    del mtime_ns
    with _HeaderFile(path) as file:
        if file.read(6).startswith(_COMPRESSED):
            raise SourceError(
                f"{path}: a compressed tar cannot be read at random; decompress it to a plain .tar"
            )
        file.seek(0)
        photographs: dict[str, _Member] = {}
        try:
            for member in members(file, n_bytes):
                if (
                    not member.isreg()
                    or member.issparse()
                    or not is_image_name(PurePosixPath(member.name).name)
                ):
                    continue
                if member.name in photographs:
                    raise tarfile.ReadError(f"{member.name!r} is there twice")
                photographs[member.name] = _Member(member.offset_data, member.size)
            return photographs
        except OSError:
            raise
        except Exception as error:  # tarfile raises many types for damaged headers.
            raise SourceError(
                f"{path}: a damaged or truncated tar ({reason(error)}); "
                "get it again and compare its checksum"
            ) from error
