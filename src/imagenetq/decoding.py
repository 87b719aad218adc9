"""Decode image files to RGB samples; every untrusted image passes through here."""

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage

MAX_SIDE = 16_383
"""Longest side that is accepted, in pixels: the most that lossless WebP can store."""

ORIGINAL_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
"""Formats that originals may have, by Pillow's names."""

STORED_FORMATS = ("JPEG", "JPEG2000", "WEBP")
"""Formats that the dataset's own images may have, by Pillow's names."""

_MODES = ("RGB", "L", "CMYK")
_JPEG_MAGIC = b"\xff\xd8\xff"

_CURES = {
    "P": "a palette image; convert it to RGB",
    "PA": "a palette image with alpha; convert it to RGB",
    "RGBA": "an image with alpha; flatten it to RGB",
    "LA": "an image with alpha; flatten it to greyscale",
    "1": "a bilevel image; convert it to greyscale",
}


def is_jpeg(data: bytes) -> bool:
    """Tell whether the bytes begin as a JPEG file does."""
    return data.startswith(_JPEG_MAGIC)


def decode(data: bytes, name: str, formats: tuple[str, ...] = ORIGINAL_FORMATS) -> Pixels:
    """Decode an image file as Pillow's `convert("RGB")` does, to uint8 of shape (height, width, 3).

    An original is good if this function accepts it, and bad if not: no build, evaluation or
    verification asks more of it. It is RGB, greyscale or CMYK with 8 bits a sample. The content
    counts, not the file's extension. Metadata is ignored, even if it is damaged, and so is the
    orientation in it, as timm and torchvision ignore it. Whatever follows a whole image, such as a
    second one, is ignored, too. `formats` are Pillow's names; an error calls the file `name`.
    """
    if not data:
        raise BadImage(f"{name}: the file is empty; get it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=formats) as image:
                _refuse_unsupported(image, name)
                return np.array(image.convert("RGB"))
    except BadImage:
        raise
    except UnidentifiedImageError:
        known = ", ".join(formats)
        raise BadImage(f"{name}: not one of {known}; get it again, or convert it") from None
    except Image.DecompressionBombError:
        raise _bomb(name) from None
    except Exception as error:  # Pillow's decoders raise many types for damaged files.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadImage(f"{name}: cannot be decoded ({reason}); get it again") from None


def _refuse_unsupported(image: Image.Image, name: str) -> None:
    if max(image.size) > MAX_SIDE:
        raise BadImage(f"{name}: a side of {max(image.size)} pixels; shrink it to {MAX_SIDE}")
    # Up to twice its limit Pillow only warns, and all threads share what is done with warnings.
    if image.width * image.height > (Image.MAX_IMAGE_PIXELS or MAX_SIDE**2):
        raise _bomb(name)
    # Pillow silently reduces 16-bit RGB to 8 bits; only the raw mode shows it.
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    raw_modes = " ".join(str(tile[3]) for tile in tiles)
    if ";16" in raw_modes or image.mode.startswith("I"):
        raise BadImage(f"{name}: 16 bits a sample; convert it to 8")
    if image.mode not in _MODES:
        cure = _CURES.get(image.mode, f"of mode {image.mode}; convert it to RGB")
        raise BadImage(f"{name}: {cure}")
    if "transparency" in image.info:
        raise BadImage(f"{name}: an image with a transparent colour; flatten it to RGB")
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise BadImage(f"{name}: an animation; a still image is needed")


def _bomb(name: str) -> BadImage:
    return BadImage(f"{name}: more than {Image.MAX_IMAGE_PIXELS} pixels (a decompression bomb?)")
