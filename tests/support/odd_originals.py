"""Originals of every odd kind that copies of ImageNet may hold, good ones and bad ones."""

import struct
from io import BytesIO
from pathlib import Path

from PIL import Image

from imagenetq import classes

_AFTER_FIRST_SEGMENT = 20


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """An image as a file of a kind, in Pillow's words."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    """Metadata that ask readers to turn the image."""
    tags = Image.Exif()
    tags[0x010F] = "a camera"
    tags[0x0112] = orientation
    return tags


def segment(payload: bytes) -> bytes:
    """An Exif segment of a JPEG."""
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG, and what is put after its first segment."""
    return jpeg[:_AFTER_FIRST_SEGMENT] + b"".join(segments) + jpeg[_AFTER_FIRST_SEGMENT:]


def good_files(photograph: Image.Image) -> dict[str, bytes]:
    """JPEG files that are odd, but good."""
    one, other = (photograph.crop((x, 9, x + 40, 40)) for x in (30, 90))
    plain, turned = encoded(one), exif(6).tobytes()
    pair = encoded(one, "MPO", save_all=True, append_images=[other])
    return {
        "plain": plain,
        "grey": encoded(one.convert("L")),
        "cmyk": encoded(one.convert("CMYK")),
        "turned": encoded(one, exif=exif(6)),
        "turned twice": with_segments(plain, segment(turned), segment(turned)),
        "doubled": plain + encoded(other, exif=exif(6)),
        "a pair": pair,
        "a pair, the second cut": pair[:-100],
        "padded": plain + bytes(64),
        "exif named twice": with_segments(plain, segment(b"Exif\0\0" + turned)),
        "exif cut in two": with_segments(
            plain, segment(turned[:14]), segment(b"Exif\0\0" + turned[14:])
        ),
        "exif cut": with_segments(plain, segment(turned[:30])),
        "junk before exif": with_segments(plain, b"\0\1", segment(turned)),
        "junk exif before exif": with_segments(plain, segment(b"Exif\0\0\1\1"), segment(turned)),
        "orientation as text": with_segments(
            plain, segment(turned.replace(struct.pack(">HH", 0x112, 3), b"\1\x12\0\2"))
        ),
    }


def bad_files(photograph: Image.Image) -> dict[str, bytes]:
    """Files that are no originals, whatever their name."""
    image = photograph.crop((30, 9, 70, 40))
    plain = encoded(image)
    return {
        "empty": b"",
        "a text": b"<html>404</html>",
        "cut": plain[: len(plain) // 2],
        "cut at the end": plain[:-2],
        "cut, with exif": encoded(image, exif=exif(6))[:-40],
        "a gif": encoded(image, "GIF"),
        "a palette": encoded(image.quantize(16), "PNG"),
        "alpha": encoded(image.convert("RGBA"), "PNG"),
    }


def write_class_folders(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files as a source of class folders, one a class."""
    for number, (wnid, data) in enumerate(zip(classes.wnids(), files.values(), strict=False)):
        path = folder / wnid / f"ILSVRC2012_val_{number + 1:08d}.JPEG"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    return folder
