"""Neutralise a JPEG's orientation tag in place, without touching its pixels.

`datasets` rotates an image by its orientation tag when decoding; timm and torchvision do not, and
the dataset's pixel hashes are those of the unrotated image. So the stored original gets the tag
value 1 ("upright"), in its Exif segment and in its XMP packet, and not one other byte changes.
"""

import re
import struct
from collections.abc import Iterator

_APP1 = 0xE1
_START_OF_SCAN = 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([0-9])")
_ORIENTATION = 0x0112
_UPRIGHT = 1
_ENTRY_BYTES = 12
_SHORT, _LONG = 3, 4


def neutralise_orientation(jpeg: bytes) -> bytes:
    """The same JPEG file, its orientation, if it states one, changed to upright."""
    patched = bytearray(jpeg)
    for start, end in _app1_payloads(jpeg):
        if jpeg.startswith(_EXIF, start):
            _patch_exif(patched, start + len(_EXIF), end)
        elif jpeg.startswith(_XMP, start):
            for match in _XMP_ORIENTATION.finditer(jpeg, start, end):
                patched[match.start(1)] = ord("0") + _UPRIGHT
    return bytes(patched)


def _app1_payloads(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Where each APP1 segment's payload starts and ends."""
    position = 2
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF:
        marker = jpeg[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        if marker == _START_OF_SCAN:
            return
        (length,) = struct.unpack_from(">H", jpeg, position + 2)
        end = min(position + 2 + length, len(jpeg))
        if marker == _APP1:
            yield position + 4, end
        position = max(end, position + 4)


def _patch_exif(jpeg: bytearray, tiff: int, end: int) -> None:
    """Set the orientation entry of the first image file directory (IFD0), wherever it lies."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(jpeg[tiff : tiff + 2]))
    if order is None or tiff + 8 > end:
        return
    directory = tiff + struct.unpack_from(f"{order}I", jpeg, tiff + 4)[0]
    if directory + 2 > end:
        return
    (n_entries,) = struct.unpack_from(f"{order}H", jpeg, directory)
    first = directory + 2
    for entry in range(first, min(first + n_entries * _ENTRY_BYTES, end - 11), _ENTRY_BYTES):
        tag, kind = struct.unpack_from(f"{order}HH", jpeg, entry)
        if tag == _ORIENTATION:
            value_format = {_SHORT: "H", _LONG: "I"}.get(kind, "B")
            struct.pack_into(f"{order}{value_format}", jpeg, entry + 8, _UPRIGHT)
