"""Read the headers of a tar that nobody vouches for."""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO


def members(file: BinaryIO, n_bytes: int) -> Iterator[tarfile.TarInfo]:
    """Give the members of a plain tar one by one, up to its end, which must be there.

    Args:
        file: the tar.
        n_bytes: size of the tar in bytes.

    Raises:
        tarfile.TarError: the tar is damaged or truncated. For damaged headers `tarfile` raises
            other types as well.
    """
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            # With a forged size the next header would lie before this one, forever.
            if member.size < 0 or not member.offset < tar.offset <= n_bytes:
                raise tarfile.ReadError(f"{member.name!r} does not fit in it")
            yield member
        # tarfile takes a damaged header, or none, for the end of the archive.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"no end of archive and no header at byte {tar.offset}")
