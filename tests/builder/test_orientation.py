"""The orientation tag is neutralised in place, whatever form it takes."""

from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagenetq.builder.orientation import neutralise_orientation
from imagenetq.builder.storage import UPRIGHT, orientation, upright_original
from imagenetq.decoding import decode
from imagenetq.errors import BadImage


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


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_metadata_ends_upright_or_refused(data: st.DataObject) -> None:
    original = bytearray(jpeg(exif=exif(6), xmp=b'<x tiff:Orientation="3"/>'))
    for _ in range(data.draw(st.integers(1, 8))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(original[: data.draw(st.integers(0, len(original)))])
    assert len(neutralise_orientation(cut)) == len(cut)
    with suppress(BadImage):
        assert orientation(upright_original(cut)) == UPRIGHT
