"""Turn the rows of untrusted shards into checked samples."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from imagenetq import classes
from imagenetq.choices import CheckPixels
from imagenetq.decoding import STORED_FORMATS, decode
from imagenetq.errors import BadImage, FolderError
from imagenetq.evaluate.data.base import Sample
from imagenetq.record import pixel_sha256
from imagenetq.selection import MAX_ID_LENGTH, is_image_id
from imagenetq.shards import StoredRow
from imagenetq.specification import Variant, specification_digest, variant

_ONE_IN = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Expected:
    """The properties that a shard's rows should have."""

    variant: str
    """Name of the variant that all rows are of."""

    dataset_version: str | None
    """Dataset version that each row should give; None for parquet, whose rows give none."""

    check_pixels: CheckPixels
    """Which rows' pixels to compare with their hash."""


def samples(rows: Iterable[StoredRow], shard: str, expected: Expected) -> Iterator[Sample]:
    """Decode and check the rows of one shard.

    Args:
        rows: the shard's rows, in order.
        shard: the shard's address, for errors.
        expected: what the rows should be.

    Raises:
        FolderError: a row is damaged, contradicts itself, is of another variant or version, is
            there twice, or has pixels that do not match its hash.
    """
    rung = variant(expected.variant)
    seen: set[str] = set()
    for number, row in enumerate(rows):
        place = f"{shard}: {row.fields.get('image_id')!r:.220} ({rung.name})"
        _check_fields(row.fields, rung, place)
        _check_version(row.fields, expected.dataset_version, place)
        sample = _decode(row, rung, place)
        if sample.image_id in seen:
            raise FolderError(f"{place}: there twice; build the dataset anew")
        seen.add(sample.image_id)
        if _is_checked(expected.check_pixels, number, sample):
            _check_pixels(sample, place)
        yield sample


def require_version(fields: dict[str, Any], place: str) -> str:
    """Give the dataset version that a tar's row states.

    Raises:
        FolderError: the row states none, or is of another specification.
    """
    version = fields.get("dataset_version")
    if not isinstance(version, str) or "specification_digest" not in fields:
        raise FolderError(f"{place}: says no dataset version, so no row of ImageNet-Q")
    if fields["specification_digest"] != specification_digest():
        raise FolderError(
            f"{place}: of ImageNet-Q {version}, whose specification this version of imagenetq "
            "does not know; install the one that fits"
        )
    return version


def _check_fields(fields: dict[str, Any], rung: Variant, place: str) -> None:
    image_id = fields.get("image_id")
    if not isinstance(image_id, str) or not is_image_id(image_id):
        raise FolderError(
            f"{place}: its image id is none, which has 1 to {MAX_ID_LENGTH} printable characters; "
            "build the dataset from files of such names"
        )
    wnid, label = fields.get("wnid"), fields.get("label")
    if type(label) is not int or not isinstance(wnid, str) or classes.labels().get(wnid) != label:
        raise FolderError(f"{place}: label {label!r} is not that of class {wnid!r}")
    value = None if rung.value is None else float(rung.value)
    stored = fields.get("distortion"), fields.get("value")
    if stored != (rung.distortion, value):
        raise FolderError(f"{place}: of another variant ({stored[0]!r} at {stored[1]!r})")
    pixel_hash = fields.get("pixel_sha256")
    if not isinstance(pixel_hash, str) or not _SHA256.fullmatch(pixel_hash):
        raise FolderError(f"{place}: its pixel hash is none")


def _check_version(fields: dict[str, Any], expected: str | None, place: str) -> None:
    if expected is not None and require_version(fields, place) != expected:
        raise FolderError(f"{place}: of another dataset version than {expected}")


def _decode(row: StoredRow, rung: Variant, place: str) -> Sample:
    fields = row.fields
    try:
        pixels = decode(row.image, place, STORED_FORMATS)
    except BadImage as error:
        raise FolderError(str(error)) from error
    height, width, _ = pixels.shape
    if (fields.get("width"), fields.get("height")) != (width, height):
        raise FolderError(f"{place}: its image has another size than the row says")
    return Sample(
        image_id=fields["image_id"],
        wnid=fields["wnid"],
        variant=rung.name,
        label=fields["label"],
        pixels=pixels,
        pixel_sha256=fields["pixel_sha256"],
    )


def _is_checked(policy: CheckPixels, number: int, sample: Sample) -> bool:
    if policy != "sample":
        return policy == "all"
    drawn = hashlib.sha256(f"{sample.image_id}\t{sample.variant}".encode()).digest()
    return number == 0 or int.from_bytes(drawn[:8], "little") % _ONE_IN == 0


def _check_pixels(sample: Sample, place: str) -> None:
    if pixel_sha256(sample.pixels) != sample.pixel_sha256:
        raise FolderError(
            f"{place}: its pixels are not those of its hash; `imagenetq verify` tells whether the "
            "dataset or this machine's Pillow is at fault"
        )
