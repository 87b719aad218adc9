import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagenetq.decoding import MAX_SIDE, decode, is_jpeg
from imagenetq.errors import BadImage

ROWS, COLUMNS = np.indices((40, 56))
PIXELS = np.stack([ROWS * 6, COLUMNS * 4, ROWS + COLUMNS], axis=2).astype(np.uint8)
IMAGE = Image.fromarray(PIXELS)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes = b"", extra=()) -> bytes:
    """A PNG chunk by chunk, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def bmp(width: int, height: int) -> bytes:
    """A BMP's header without its pixels."""
    file = struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54)
    return file + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


JPEG = encoded(IMAGE, "JPEG")
PNG = encoded(IMAGE, "PNG")
GREY_16 = png(2, 2, 16, 0, (b"\0" + b"\1\2" * 2) * 2)
RGB_16 = png(2, 2, 16, 2, (b"\0" + b"\1\2" * 6) * 2)
RGBA_16 = png(2, 2, 16, 6, (b"\0" + b"\1\2" * 8) * 2)
KEYED = png(1, 1, 8, 2, b"\0\1\2\3", [(b"tRNS", b"\0\1\0\2\0\3")])
ANIMATED = {"save_all": True, "append_images": [IMAGE.transpose(Image.Transpose.ROTATE_180)]}

KINDS = "not one of JPEG, PNG, WEBP, BMP; get it again, or convert it$"

REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"not an image", KINDS),
    "html": (b"<html>404</html>", KINDS),
    "magic only": (b"\xff\xd8\xff", "get it again"),
    "truncated jpeg": (JPEG[: len(JPEG) // 2], "cannot be decoded"),
    "truncated png": (PNG[: len(PNG) // 2], "cannot be decoded"),
    "truncated webp": (encoded(IMAGE, "WEBP")[:-60], "cannot be decoded"),
    "truncated bmp": (encoded(IMAGE, "BMP")[:-100], "cannot be decoded"),
    "gif": (encoded(IMAGE, "GIF"), KINDS),
    "tiff": (encoded(IMAGE, "TIFF"), KINDS),
    "jpeg 2000": (encoded(IMAGE, "JPEG2000"), KINDS),
    "16-bit grey": (GREY_16, "16 bits"),
    "16-bit rgb": (RGB_16, "16 bits"),
    "16-bit rgba": (RGBA_16, "16 bits"),
    "palette": (encoded(IMAGE.quantize(16), "PNG"), "palette"),
    "palette bmp": (encoded(IMAGE.quantize(16), "BMP"), "palette"),
    "bilevel": (encoded(IMAGE.convert("1"), "PNG"), "bilevel"),
    "alpha": (encoded(IMAGE.convert("RGBA"), "PNG"), "alpha"),
    "grey alpha": (encoded(IMAGE.convert("LA"), "PNG"), "alpha"),
    "alpha webp": (encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 4)), "WEBP"), "alpha"),
    "transparent colour": (KEYED, "transparent colour"),
    "transparent grey": (png(1, 1, 8, 0, b"\0\1", [(b"tRNS", b"\0\1")]), "transparent colour"),
    "bomb png": (png(100_000, 100_000, 8, 2), "bomb|100000"),
    "bomb bmp": (bmp(60_000, 60_000), "bomb|60000"),
    "bomb within the side": (png(16_000, 16_000, 8, 2), "bomb"),
    "warned of within the side": (png(10_000, 10_000, 8, 2), "bomb"),
    "too wide": (png(MAX_SIDE + 1, 1, 8, 0, b"\0" * (MAX_SIDE + 2)), "16384"),
    "too high": (png(1, MAX_SIDE + 1, 8, 0, b"\0\0" * (MAX_SIDE + 1)), "16384"),
    "no width": (png(0, 5, 8, 2), "get it again"),
    "animated png": (encoded(IMAGE, "PNG", **ANIMATED), "animation"),
    "animated webp": (encoded(IMAGE, "WEBP", **ANIMATED), "animation"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_with_one_line_that_names_the_file(what):
    data, reason = REFUSED[what]
    with pytest.raises(BadImage, match=reason) as caught:
        decode(data, "some/file.JPEG")
    message = str(caught.value)
    assert message.startswith("some/file.JPEG: ")
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_rgb_and_greyscale_are_decoded_as_pillow_does(kind, mode):
    data = encoded(IMAGE.convert(mode), kind)
    expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    pixels = decode(data, "x")
    assert (pixels.shape, pixels.dtype) == (PIXELS.shape, np.uint8)
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_lossless_files_give_their_samples(kind):
    assert np.array_equal(decode(encoded(IMAGE, kind), "x"), PIXELS)


def test_cmyk_jpeg_is_accepted():
    data = encoded(IMAGE.convert("CMYK"), "JPEG", quality=95)
    assert Image.open(BytesIO(data)).mode == "CMYK"
    expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    assert np.array_equal(decode(data, "x"), expected)


def test_progressive_jpeg_is_accepted():
    data = encoded(IMAGE, "JPEG", progressive=True)
    assert np.array_equal(decode(data, "x"), np.asarray(Image.open(BytesIO(data))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_is_ignored(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    upright = encoded(IMAGE, kind, **options)
    turned = encoded(IMAGE, kind, exif=exif, **options)
    assert turned != upright
    assert np.array_equal(decode(turned, "x"), decode(upright, "x"))


@pytest.mark.parametrize("name", ["x.JPEG", "x.png", "x.txt", "x"])
def test_extension_does_not_matter(name):
    assert np.array_equal(decode(PNG, name), PIXELS)


def test_only_the_formats_asked_for_are_read():
    with pytest.raises(BadImage, match=r"^x: not one of PNG; get it again, or convert it$"):
        decode(JPEG, "x", formats=("PNG",))
    assert np.array_equal(decode(PNG, "x", formats=("PNG",)), PIXELS)


def test_longest_side_is_accepted():
    data = png(MAX_SIDE, 1, 8, 0, b"\0" * (MAX_SIDE + 1))
    assert decode(data, "x").shape == (1, MAX_SIDE, 3)


def test_still_image_of_an_animated_kind_is_accepted():
    assert decode(encoded(IMAGE, "WEBP", save_all=True), "x").shape == PIXELS.shape


def test_pixels_can_be_written():
    decode(PNG, "x")[0, 0] = 0


def test_damaged_metadata_is_no_reason_to_refuse():
    data = encoded(IMAGE, "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)
    assert np.array_equal(decode(data, "x"), decode(JPEG, "x"))


def test_message_stays_on_one_line_for_any_reason(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(BadImage, match=r"^x: cannot be decoded \(two lines\)"):
        decode(PNG, "x")


def test_every_photograph_is_accepted(imagenet_sample):
    for file in sorted(imagenet_sample.rglob("*.JPEG"))[::5]:
        data = file.read_bytes()
        assert is_jpeg(data)
        expected = np.asarray(Image.open(file).convert("RGB"))
        assert np.array_equal(decode(data, file.name), expected)


def test_jpeg_is_told_by_its_first_bytes():
    assert is_jpeg(JPEG)
    assert not is_jpeg(PNG)
    assert not is_jpeg(b"")


def decodes_or_refuses(data: bytes) -> None:
    refusal = None
    try:
        pixels = decode(data, "fuzzed")
    except BadImage as error:
        refusal = str(error)
    if refusal is None:
        assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)
    else:
        assert refusal.startswith("fuzzed: ")
        assert "\n" not in refusal


WEBP = encoded(IMAGE, "WEBP", lossless=True)
BMP = encoded(IMAGE.resize((9, 7)), "BMP")


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([JPEG, PNG, WEBP, BMP]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6)), max_size=8),
    st.floats(0, 1),
)
def test_corruption_raises_nothing_but_bad_image(data, patches, kept):
    corrupt = bytearray(data)
    for place, patch in patches:
        start = int(place * len(corrupt))
        corrupt[start : start + len(patch)] = patch
    decodes_or_refuses(bytes(corrupt[: max(1, round(kept * len(corrupt)))]))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([JPEG, PNG, WEBP, BMP]), st.integers(0, 63), st.integers(0, 255))
def test_corrupt_header_raises_nothing_but_bad_image(data, place, value):
    corrupt = bytearray(data)
    corrupt[place] = value
    decodes_or_refuses(bytes(corrupt))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"", JPEG[:20], PNG[:33], WEBP[:20], b"BM"]), st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_bad_image(start, rest):
    decodes_or_refuses(start + rest)
