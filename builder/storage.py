"""The bytes in which each variant is stored: always decoding to exactly its pixels."""

import warnings
from io import BytesIO

from PIL import Image

from imagenetq.builder.orientation import neutralise_orientation
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage
from imagenetq.rendering import Rendered
from imagenetq.specification import CLEAN, Variant

JPEG, JPEG2000, WEBP = "jpg", "j2k", "webp"

_ORIENTATION_TAG = 0x0112
UPRIGHT = 1
_CODESTREAMS = {"jpeg": JPEG, "jpeg2000": JPEG2000}


def extension(variant: Variant, clean_extension: str) -> str:
    """The file name extension of a variant's images.

    Args:
        variant: which.
        clean_extension: that of the clean images: `jpg` if all originals are JPEG, else `webp`.
    """
    if variant.distortion == CLEAN:
        return clean_extension
    return _CODESTREAMS.get(variant.distortion, WEBP)


def stored_bytes(rendered: Rendered, original: bytes, clean_extension: str) -> bytes:
    """The image file of a variant.

    Args:
        rendered: the variant.
        original: the original file, which a clean JPEG is stored as.
        clean_extension: as for `extension`.

    Raises:
        BadImage: the original's orientation tag cannot be neutralised.
    """
    if rendered.variant.distortion == CLEAN and clean_extension == JPEG:
        return upright_original(original)
    if rendered.codestream is not None:
        return rendered.codestream
    return lossless_webp(rendered.pixels)


def lossless_webp(pixels: Pixels) -> bytes:
    """RGB samples as lossless WebP: method 0 and quality 0 are quickest, and small enough."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return buffer.getvalue()


def upright_original(jpeg: bytes) -> bytes:
    """The original JPEG file, byte for byte but for an orientation tag.

    Raises:
        BadImage: it states an orientation in a way that is not understood.
    """
    if orientation(jpeg) == UPRIGHT:
        return jpeg
    upright = neutralise_orientation(jpeg)
    if orientation(upright) != UPRIGHT:
        raise BadImage("its orientation tag cannot be neutralised; remove its metadata")
    return upright


def orientation(jpeg: bytes) -> int:
    """The orientation that Pillow, and so `datasets`, reads from Exif or XMP; 1 if none.

    Raises:
        BadImage: the metadata cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
                return int(image.getexif().get(_ORIENTATION_TAG, UPRIGHT))
    except Exception:  # Whatever Pillow raises here, readers of the dataset would meet too.
        raise BadImage("its Exif metadata is damaged; remove it") from None
