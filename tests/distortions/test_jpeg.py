import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imagenetq.decoding import decode
from imagenetq.distortions import Distorted, Pixels, Undistorted
from imagenetq.distortions.jpeg import jpeg
from imagenetq.specification import ladder

QUALITIES = ladder("jpeg").values


def jpegs(pixels: Pixels) -> list[Distorted]:
    return list(jpeg(Undistorted(pixels), QUALITIES))


def segments(codestream: bytes) -> dict[int, bytes]:
    """The last payload of each marker up to the start of the scan (ITU-T T.81, annex B)."""
    assert codestream[:2] == b"\xff\xd8"
    found = {}
    position = 2
    while 0xDA not in found:
        prefix, marker, length = struct.unpack_from(">BBH", codestream, position)
        assert prefix == 0xFF
        found[marker] = codestream[position + 4 : position + 2 + length]
        position += 2 + length
    return found


def test_is_a_plain_save_of_pillow(photographs, synthetic):
    for pixels in [*photographs[:4], *synthetic]:
        image = Image.fromarray(pixels)
        for quality, distorted in zip(QUALITIES, jpegs(pixels), strict=True):
            buffer = BytesIO()
            image.save(buffer, "JPEG", quality=quality)
            assert distorted.codestream == buffer.getvalue()
            assert np.array_equal(distorted.pixels, np.asarray(Image.open(buffer)))


def test_codestream_decodes_to_the_pixels(photographs):
    for distorted in jpegs(photographs[0]):
        assert distorted.codestream is not None
        assert np.array_equal(decode(distorted.codestream, "codestream"), distorted.pixels)


@pytest.mark.parametrize("index", range(12))
def test_codestream_is_baseline_with_halved_chroma(photographs, index):
    pixels = photographs[index]
    for distorted in jpegs(pixels):
        assert distorted.codestream is not None
        found = segments(distorted.codestream)
        frames = [marker for marker in found if 0xC0 <= marker <= 0xCF and marker != 0xC4]
        assert frames == [0xC0]
        bits, height, width, n_components = struct.unpack_from(">BHHB", found[0xC0])
        assert (bits, height, width, n_components) == (8, *pixels.shape)
        sampling = [found[0xC0][6 + 3 * component + 1] for component in range(3)]
        assert sampling == [0x22, 0x11, 0x11]


def test_quality_is_that_of_libjpeg():
    pixels = np.zeros((8, 8, 3), np.uint8)
    for quality, distorted in zip(QUALITIES, jpegs(pixels), strict=True):
        image = Image.open(BytesIO(distorted.codestream or b""))
        # Annex K's tables begin with 16 and 17; libjpeg scales them by 5000 / quality percent.
        for table, base in ((0, 16), (1, 17)):
            scaled = (base * (5000 // quality) + 50) // 100
            assert image.quantization[table][0] == min(scaled, 255)


def test_lower_quality_is_smaller_and_worse(photographs):
    for pixels in photographs[:4]:
        results = jpegs(pixels)
        sizes = [len(distorted.codestream or b"") for distorted in results]
        errors = [np.square(d.pixels.astype(int) - pixels).sum() for d in results]
        assert sizes == sorted(sizes, reverse=True)
        assert errors == sorted(errors)
