"""A folder of small pictures of every kind that people have."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from odd_originals import exif

Pictures = Callable[[Path], Path]


@pytest.fixture(scope="session")
def write_pictures(photograph: Image.Image) -> Pictures:
    """Writes good pictures, and files that are none, below a folder."""

    def crop(left: int, top: int = 60) -> Image.Image:
        return photograph.crop((left, top, left + 40, top + 31))

    def write(folder: Path) -> Path:
        files: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
            "a.jpg": (crop(30), "JPEG", {}),
            "a.png": (crop(60), "PNG", {}),
            "grey.jpg": (crop(90).convert("L"), "JPEG", {}),
            "cmyk.jpg": (crop(120).convert("CMYK"), "JPEG", {}),
            "turned.jpg": (crop(150), "JPEG", {"exif": exif(6)}),
            "turned.png": (crop(180), "PNG", {"exif": exif(6)}),
            "a b/Zoë/ça 1.JPEG": (crop(210), "JPEG", {}),
            "a b/Zoë/misnamed.webp": (crop(240), "JPEG", {}),
            "a b/web.webp": (crop(270), "WEBP", {"lossless": True}),
        }
        for name, (image, kind, options) in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            buffer = BytesIO()
            image.save(buffer, kind, **options)
            path.write_bytes(buffer.getvalue())
        (folder / "a b" / "labels.xml").write_text("<xml/>")
        (folder / ".hidden.jpg").write_bytes(b"")
        return folder

    return write


@pytest.fixture
def pictures(write_pictures: Pictures, tmp_path: Path) -> Path:
    """Good pictures, which a test may change."""
    return write_pictures(tmp_path / "pictures")
