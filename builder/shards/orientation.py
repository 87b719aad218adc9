"""Neutralise a JPEG's orientation in place, without touching its pixels.

`datasets` rotates an image by its orientation tag when decoding; timm and torchvision do not, and
the dataset's pixel hashes are those of the unrotated image. So the stored original gets the tag
value 1 ("upright"), in its Exif segment and in its XMP packet, and not one other byte changes.
Metadata that are too damaged for that are renamed instead, by one byte a segment, so that readers
pass them over.
"""

import re
import struct
import warnings
from collections.abc import Iterator
from io import BytesIO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from imagenetq.decoding import ORIGINAL_FORMATS

UPRIGHT = 1

_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([0-9])")
_ORIENTATION = 0x0112
_ENTRY_BYTES = 12
_SHORT, _LONG = 3, 4


def upright_original(jpeg: bytes) -> bytes:
    """Give the original JPEG file, byte for byte but for the orientation that it states, if any."""
    if orientation(jpeg) == UPRIGHT:
        return jpeg
    upright, renamed = bytearray(jpeg), bytearray(jpeg)
    for start, end in _metadata(jpeg):
        renamed[start] = ord("-")
        if jpeg.startswith(_EXIF, start):
            _patch_exif(upright, start + len(_EXIF), end)
        else:
            for match in _XMP_ORIENTATION.finditer(jpeg, start, end):
                upright[match.start(1)] = ord("0") + UPRIGHT
    return bytes(upright if orientation(bytes(upright)) == UPRIGHT else renamed)


def orientation(original: bytes) -> int | None:
    """Read the orientation, 1 to 8, that Pillow, and so `datasets`, finds in Exif or XMP.

    It is upright where there is no tag, and None where the metadata cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(original), formats=ORIGINAL_FORMATS) as image:
                return int(image.getexif().get(_ORIENTATION, UPRIGHT))
    except Exception:  # Whatever Pillow raises here, readers of the dataset would meet too.
        return None


def _metadata(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Find where the payload of each Exif and XMP segment that Pillow reads starts and ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
            segments = image.applist if isinstance(image, JpegImageFile) else []
    end = 0
    for name, payload in filter(lambda segment: segment[1], segments):
        marker = 0xFE if name == "COM" else 0xE0 + int(name.removeprefix("APP"))
        header = struct.pack(">BBH", 0xFF, marker, 2 + len(payload))
        start = jpeg.index(header + payload, end) + len(header)
        end = start + len(payload)
        if name == "APP1" and payload.startswith((_EXIF, _XMP)):
            yield start, end


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
            struct.pack_into(f"{order}{value_format}", jpeg, entry + 8, UPRIGHT)
