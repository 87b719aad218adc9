"""Draw a contact sheet: every variant of one picture, labelled."""

import io
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from PIL import ExifTags, Image, ImageDraw, ImageFont

from imagenetq.builder.shards.image_files import JPEG, WEBP, stored_bytes
from imagenetq.decoding import decode, is_jpeg
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage, FolderError, UsageError
from imagenetq.files import read_bounded, write_whole
from imagenetq.record import psnr, sum_of_squared_errors
from imagenetq.rendering import render_ladder
from imagenetq.selection import MAX_ID_LENGTH, image_id_of, is_image_id
from imagenetq.specification import CLEAN, LADDERS

_TILE = 168
_GAP = 8
_CAPTION = 34
_MARGIN = 20
_HEAD = 88
_INK, _FAINT, _PAPER = (24, 24, 27), (96, 96, 104), (255, 255, 255)

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

_MARK = "Drawn by imagenetq preview"
"""Text in every written sheet's Exif, so that a later sheet may replace it."""

_MAX_SHEET_BYTES = 64 * 2**20


@dataclass(frozen=True)
class _Tile:
    """One variant as the sheet shows it."""

    image: Image.Image
    title: str
    facts: str


def contact_sheet(path: Path) -> Image.Image:
    """Draw all variants of an image file, one row for each distortion, mild to strong.

    Each tile shows the picture's central square at one scale, with the variant's name, its PSNR
    and the size of its file. Noise is keyed by the file's stem, as in the dataset.

    Raises:
        BadImage: the file cannot be read or decoded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path}: cannot be read ({error.strerror}); name a picture") from None
    image_id = image_id_of(path.stem)
    if not is_image_id(image_id):
        raise BadImage(
            f"{image_id!r}: no image id, which has 1 to {MAX_ID_LENGTH} printable characters and "
            "keys the noise; rename the file"
        )
    clean = decode(data, str(path))
    rows: defaultdict[str, list[_Tile]] = defaultdict(list)
    for rendered in render_ladder(clean, image_id=image_id):
        stored = stored_bytes(rendered, data, JPEG if is_jpeg(data) else WEBP)
        achieved = psnr(sum_of_squared_errors(rendered.pixels, clean), clean.size)
        quality = "identical" if achieved is None else f"{achieved:.1f} dB"
        tile = _Tile(
            _central_square(rendered.pixels),
            rendered.variant.name,
            f"{quality}, {_size(len(stored))}",
        )
        rows[rendered.variant.distortion].append(tile)
    return _draw(path.name, clean, data, rows)


def write_sheet(path: Path, out: Path) -> None:
    """Draw the contact sheet of an image file, and write it in the format of its name.

    An earlier sheet is replaced once the new one is drawn; no other file is.
    """
    kind = _FORMATS.get(out.suffix.lower())
    if kind is None:
        raise UsageError(f"{out}: give a name that ends in .png, .jpg or .webp")
    if out.exists() and not _may_be_replaced(path, out):
        raise FolderError(
            f"{out}: is there, and no sheet that imagenetq preview drew; give another --out"
        )
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = _MARK
    buffer = io.BytesIO()
    contact_sheet(path).save(buffer, kind, exif=exif)
    write_whole(out, buffer.getvalue())


def _may_be_replaced(photograph: Path, out: Path) -> bool:
    """Tell whether a file is a sheet of ours, and not the very picture that is to be drawn."""
    try:
        is_sheet = _MARK.encode() in read_bounded(out, _MAX_SHEET_BYTES)
        return is_sheet and not out.samefile(photograph)
    except OSError:
        return False


def _central_square(pixels: Pixels) -> Image.Image:
    height, width, _ = pixels.shape
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    square = Image.fromarray(pixels).crop((left, top, left + side, top + side))
    # Box averages whole samples, so a tile keeps the noise and blocks that finer filters smooth.
    return square.resize((_TILE, _TILE), Image.Resampling.BOX)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1000:.1f} kB" if n_bytes < 100_000 else f"{n_bytes / 1000:.0f} kB"


def _draw(name: str, clean: Pixels, data: bytes, rows: dict[str, list[_Tile]]) -> Image.Image:
    ladders = [rows[ladder.distortion] for ladder in LADDERS]
    columns = max(len(tiles) for tiles in ladders)
    step = _TILE + _GAP
    width = 2 * _MARGIN + columns * step - _GAP
    height = _HEAD + len(ladders) * (_TILE + _CAPTION + _GAP) + _MARGIN
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    large, medium, small = (ImageFont.load_default(size) for size in (26, 15, 13))
    draw.text((_MARGIN, 16), f"ImageNet-Q: {name} in all its variants", _INK, large)
    facts = f"original {clean.shape[1]} x {clean.shape[0]} pixels, {_size(len(data))}"
    facts += f", SHA-256 {sha256(data).hexdigest()[:12]}; {rows[CLEAN][0].title} is unchanged"
    draw.text((_MARGIN, 52), facts, _FAINT, medium)
    for row, tiles in enumerate(ladders):
        top = _HEAD + row * (_TILE + _CAPTION + _GAP)
        for column, tile in enumerate(tiles):
            left = _MARGIN + column * step
            sheet.paste(tile.image, (left, top))
            draw.text((left, top + _TILE + 2), tile.title, _INK, medium)
            draw.text((left, top + _TILE + 18), tile.facts, _FAINT, small)
    return sheet
