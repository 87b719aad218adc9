"""Make the bytes in which each variant is stored, which decode to exactly its pixels."""

from io import BytesIO

from PIL import Image

from imagenetq.builder.shards.orientation import upright_original
from imagenetq.distortions import Pixels
from imagenetq.rendering import Rendered
from imagenetq.specification import CLEAN, Variant

JPEG, JPEG2000, WEBP = "jpg", "j2k", "webp"


def extension(variant: Variant, clean_extension: str) -> str:
    """Give the extension of a variant's files; of clean ones `jpg` if all originals are JPEG."""
    extensions = {CLEAN: clean_extension, "jpeg": JPEG, "jpeg2000": JPEG2000}
    return extensions.get(variant.distortion, WEBP)


def stored_bytes(rendered: Rendered, original: bytes, clean_extension: str) -> bytes:
    """Make the image file of a variant; of a clean JPEG it is the original file, set upright."""
    if rendered.variant.distortion == CLEAN and clean_extension == JPEG:
        return upright_original(original)
    if rendered.codestream is not None:
        return rendered.codestream
    return lossless_webp(rendered.pixels)


def lossless_webp(pixels: Pixels) -> bytes:
    """Encode RGB samples as lossless WebP.

    Method 0 and quality 0 are quickest, and the files are small enough.
    """
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return buffer.getvalue()
