"""The orientation is neutralised in place, whatever form it takes; nothing is refused for it."""

import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagenetq.builder.shards.orientation import UPRIGHT, orientation, upright_original
from imagenetq.decoding import decode
from imagenetq.errors import BadImage
from odd_originals import segment, with_segments


def jpeg(**options: object) -> bytes:
    buffer = BytesIO()
    pixels = np.arange(12 * 8 * 3, dtype=np.uint8).reshape(12, 8, 3)
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def exif(value: int, order: str = "<") -> Image.Exif:
    tags = Image.Exif()
    tags.endian = order
    tags[0x010F] = "a camera"
    tags[0x0112] = value
    tags[0x0132] = "2012:01:01 00:00:00"
    return tags


TURNED = exif(6).tobytes()
NUMBER = TURNED.index(struct.pack("<HH", 0x0112, 3)) + 2

ODD = {
    "twice": [segment(TURNED), segment(TURNED)],
    "prefix twice": [segment(b"Exif\0\0" + TURNED)],
    "junk before the segment": [b"\0\1\2", segment(TURNED)],
    "junk in a segment before": [segment(b"Exif\0\0" + b"\1" * 40), segment(TURNED)],
    "header in one segment, tags in the next": [
        segment(TURNED[:14]),
        segment(b"Exif\0\0" + TURNED[14:]),
    ],
    "no tags": [segment(b"Exif\0\0")],
    "cut": [segment(TURNED[:40])],
    "a text": [segment(TURNED[:NUMBER] + b"\2" + TURNED[NUMBER + 1 :])],
    "a fraction": [segment(TURNED[:NUMBER] + b"\5" + TURNED[NUMBER + 1 :])],
    "an empty segment": [b"\xff\xe1\0\2", segment(TURNED)],
}


@pytest.mark.parametrize("value", range(2, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation_becomes_upright(value: int, order: str) -> None:
    original = jpeg(exif=exif(value, order))
    assert orientation(original) == value
    upright = upright_original(original)
    assert orientation(upright) == UPRIGHT
    assert sum(a != b for a, b in zip(original, upright, strict=True)) == 1
    with Image.open(BytesIO(upright)) as image:
        assert image.getexif()[0x010F] == "a camera"
    assert (decode(upright, "a") == decode(original, "a")).all()


@pytest.mark.parametrize(
    "packet", [b'tiff:Orientation="6"', b"<tiff:Orientation>6</tiff:Orientation>"]
)
def test_xmp_orientation_becomes_upright(packet: bytes) -> None:
    original = jpeg(xmp=b"<x:xmpmeta>" + packet + b"</x:xmpmeta>")
    assert orientation(original) == 6
    upright = upright_original(original)
    assert orientation(upright) == UPRIGHT
    assert len(upright) == len(original)


@pytest.mark.parametrize("original", [jpeg(), jpeg(exif=exif(1))])
def test_an_upright_file_is_not_touched(original: bytes) -> None:
    assert upright_original(original) == original


@pytest.mark.parametrize("what", ODD)
def test_whatever_pillow_reads_it_from_becomes_upright(what: str) -> None:
    original = with_segments(jpeg(), *ODD[what])
    upright = upright_original(original)
    assert orientation(upright) == UPRIGHT
    assert len(upright) == len(original)
    assert (decode(upright, what) == decode(original, what)).all()


def test_the_odd_ones_would_be_turned_or_fail() -> None:
    assert sum(orientation(with_segments(jpeg(), *odd)) != UPRIGHT for odd in ODD.values()) >= 6


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_can_be_decoded_ends_upright(data: st.DataObject) -> None:
    original = bytearray(jpeg(exif=exif(6), xmp=b'<x tiff:Orientation="3"/>'))
    for _ in range(data.draw(st.integers(1, 8))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(original)
    try:
        pixels = decode(damaged, "damaged")
    except BadImage:
        return
    upright = upright_original(damaged)
    assert orientation(upright) == UPRIGHT
    assert (decode(upright, "upright") == pixels).all()
