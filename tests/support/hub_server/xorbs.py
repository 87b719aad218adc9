"""The two file formats of Xet's storage: xorbs, which hold chunks, and shards, which list them.

After the specification at https://huggingface.co/docs/xet: enough of it to keep what the client
uploads, to give it back, and to tell it which chunks are there already. Hashes are not checked:
the client checks them when it downloads.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

_ENTRY = 48
_HEADER = 48
_BOOKEND = b"\xff" * 32 + bytes(16)
_VERIFICATION, _METADATA = 1 << 31, 1 << 30
_STORED, _LZ4, _GROUPED_LZ4 = range(3)
_FAR_FUTURE = 2**40


@dataclass(frozen=True)
class Chunk:
    """A chunk's place in its xorb: bytes `start` to `end`, `size` bytes once decompressed."""

    start: int
    end: int
    size: int


@dataclass(frozen=True)
class Term:
    """A piece of a file: chunks `first` to `last`, exclusive, of a xorb, `size` bytes."""

    xorb: str
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class XetFile:
    """A file as a shard describes it.

    Attributes:
        hash: its hash in Xet's storage.
        sha256: of its content.
        terms: whose chunks together are the content.
    """

    hash: str
    sha256: str
    terms: tuple[Term, ...]


def hash_text(data: bytes) -> str:
    """How a hash is written: four little-endian numbers of 64 bits, in hex."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", data))


def chunks_of(xorb: bytes) -> list[Chunk]:
    """Where the chunks of a xorb are; what follows them is passed over."""
    found = []
    place = 0
    # The footer, if the client sends one, begins with letters.
    while place + 8 <= len(xorb) and xorb[place] == 0:
        end = place + 8 + int.from_bytes(xorb[place + 1 : place + 4], "little")
        found.append(Chunk(place, end, int.from_bytes(xorb[place + 5 : place + 8], "little")))
        place = end
    return found


def chunk_content(xorb: bytes, chunk: Chunk) -> bytes:
    """A chunk, decompressed."""
    scheme = xorb[chunk.start + 4]
    packed = xorb[chunk.start + 8 : chunk.end]
    if scheme == _STORED:
        return packed
    data = pa.decompress(packed, chunk.size, codec="lz4", asbytes=True)
    return data if scheme == _LZ4 else _ungrouped(data)


def files_of(shard: bytes) -> list[XetFile]:
    """The files that an uploaded shard describes."""
    found = []
    for entries in _blocks(shard, _HEADER, _file_entries):
        header, *rest = entries
        n_terms = _numbers(header)[1]
        terms = []
        for entry in rest[:n_terms]:
            _, size, first, last = _numbers(entry)
            terms.append(Term(hash_text(entry[:32]), size, first, last))
        has_sha256 = _numbers(header)[0] & _METADATA
        sha256 = hash_text(rest[-1][:32]) if has_sha256 else ""
        found.append(XetFile(hash_text(header[:32]), sha256, tuple(terms)))
    return found


def xorb_list_of(shard: bytes) -> bytes:
    """The part of an uploaded shard that lists xorbs and their chunks."""
    start = _xorbs_start(shard)
    return b"".join(b"".join(entries) for entries in _blocks(shard, start, _chunk_entries))


def chunk_hashes(shard: bytes) -> list[str]:
    """The hashes of the chunks that an uploaded shard lists."""
    blocks = _blocks(shard, _xorbs_start(shard), _chunk_entries)
    return [hash_text(entry[:32]) for _, *entries in blocks for entry in entries]


def answering_shard(uploaded: bytes) -> bytes:
    """What an uploaded shard tells of xorbs, for a client that asked for one of their chunks."""
    body = _BOOKEND + xorb_list_of(uploaded) + _BOOKEND
    footer_at = _HEADER + len(body)
    # Three tables for look-up may follow, of which the specification does not tell. The client
    # takes their offsets for the end of the list, so that they must not be zero.
    tables = (footer_at, 0) * 3
    footer = struct.pack(
        "<3Q6Q32x2Q72xQ", 1, _HEADER, _HEADER + _ENTRY, *tables, 0, _FAR_FUTURE, footer_at
    )
    return uploaded[:32] + struct.pack("<QQ", 2, len(footer)) + body + footer


def _ungrouped(data: bytes) -> bytes:
    """Bytes that were grouped by their place among four, back in their order."""
    content = np.empty(len(data), np.uint8)
    place = 0
    for first in range(4):
        group = content[first::4]
        group[:] = np.frombuffer(data, np.uint8, len(group), place)
        place += len(group)
    return content.tobytes()


def _blocks(shard: bytes, start: int, n_entries: Callable[[bytes], int]) -> Iterator[list[bytes]]:
    """The blocks of a section: a header, and as many entries as it announces."""
    place = start
    while shard[place : place + 32] != _BOOKEND[:32]:
        count = 1 + n_entries(shard[place : place + _ENTRY])
        yield [shard[place + i * _ENTRY : place + (i + 1) * _ENTRY] for i in range(count)]
        place += count * _ENTRY


def _xorbs_start(shard: bytes) -> int:
    files = _blocks(shard, _HEADER, _file_entries)
    return _HEADER + sum(map(len, files)) * _ENTRY + len(_BOOKEND)


def _chunk_entries(header: bytes) -> int:
    return _numbers(header)[1]


def _file_entries(header: bytes) -> int:
    flags, n_terms, *_ = _numbers(header)
    return n_terms * (2 if flags & _VERIFICATION else 1) + bool(flags & _METADATA)


def _numbers(entry: bytes) -> tuple[int, ...]:
    return struct.unpack_from("<4I", entry, 32)
