"""Find where the fields of a Protocol Buffers message lie in a file, without reading them.

The `protobuf` library reads a message as a whole: a weights file of 553 MB then takes more than
twice its size in memory, and 100 MB of empty blobs expand to 2.8 GB. A weights file needs little of
the format, and here nothing is read but tags, lengths and small numbers.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
# A network's file has a few thousand; a crafted one could keep the walk busy for hours.
_MOST_FIELDS = 100_000
_RUN = 1 << 16


class DamagedMessage(Exception):
    """Bytes that are not a message; the text says why, without naming the file."""


@dataclass(frozen=True)
class Field:
    """One field of a message, or a run of fixed-width fields that have the same number."""

    number: int
    """Number of the field, as the .proto file declares it."""

    start: int
    """Offset in the file where the field begins: its value, or for a run its first tag."""

    end: int
    """Offset in the file just after the field."""

    value: int | None = None
    """Value of a varint; None for any other kind."""

    width: int | None = None
    """Bytes of each value in a run, where each follows a tag of one byte; None for other kinds."""


class Wire:
    """A file that holds one message."""

    def __init__(self, file: BinaryIO) -> None:
        """Take an open file, whose position this object then moves as it needs."""
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self._n_fields = 0

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Yield the fields of the message between two offsets."""
        position = start
        while position < end:
            self._n_fields += 1
            if self._n_fields > _MOST_FIELDS:
                raise DamagedMessage(f"it has more than {_MOST_FIELDS:,} fields")
            field = self._field(position, end)
            yield field
            position = field.end

    def read(self, field: Field, most: int) -> bytes:
        """Read the bytes of a field, unless there are more than `most`."""
        if field.end - field.start > most:
            raise DamagedMessage(f"a field of at most {most} bytes has {field.end - field.start:,}")
        self.file.seek(field.start)
        return self.file.read(field.end - field.start)

    def _field(self, position: int, end: int) -> Field:
        self.file.seek(position)
        head = self.file.read(min(2 * _LONGEST_VARINT, end - position))
        tag, used = _varint(head, 0)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise DamagedMessage(f"there is no field at byte {position:,}")
        if kind == _VARINT:
            value, used = _varint(head, used)
            return Field(number, position, position + used, value=value)
        if kind == _BYTES:
            length, used = _varint(head, used)
            if length > end - position - used:
                raise DamagedMessage(
                    f"a field of {length:,} bytes at byte {position:,} passes its message's end"
                )
            return Field(number, position + used, position + used + length)
        if kind not in _WIDTHS:
            raise DamagedMessage(f"the field at byte {position:,} is of no known kind")
        width = _WIDTHS[kind]
        n_values = self._run(position, end, used, width) if used == 1 else 1
        stop = position + n_values * (used + width)
        if stop > end:
            raise DamagedMessage(f"the number at byte {position:,} passes the end of its message")
        return Field(number, position, stop, width=width)

    def _run(self, position: int, end: int, used: int, width: int) -> int:
        """Count the values of this width and tag that follow one another; at least 1."""
        n_values, tag = 0, None
        while True:
            self.file.seek(position + n_values * (used + width))
            left = (end - self.file.tell()) // (used + width)
            block = self.file.read(min(left, _RUN) * (used + width))
            tags = np.frombuffer(block, np.uint8)[:: used + width]
            if not len(tags):
                return max(n_values, 1)
            tag = tags[0] if tag is None else tag
            others = np.flatnonzero(tags != tag)
            if len(others):
                return n_values + int(others[0])
            n_values += len(tags)


def varints(data: bytes) -> list[int]:
    """Give the numbers of a packed field."""
    numbers, position = [], 0
    while position < len(data):
        number, position = _varint(data, position)
        numbers.append(number)
    return numbers


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Give the number at a position, and the position just after it."""
    value = 0
    for index, byte in enumerate(data[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise DamagedMessage("a number in it has no end")
