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
from imagenetq.evaluate.data.base import Sample, SampleInfo
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


def samples(
    rows: Iterable[StoredRow], shard: str, expected: Expected, task: str
) -> Iterator[Sample]:
    """Decode and check the rows of one shard, which errors name by its address, for a task."""
    rung = variant(expected.variant)
    seen: set[str] = set()
    for number, row in enumerate(rows):
        name = f"{shard}: {row.fields.get('image_id')!r:.220} ({rung.name})"
        _check_fields(row.fields, rung, name)
        version = expected.dataset_version
        if version is not None and require_version(row.fields, name) != version:
            raise FolderError(f"{name}: of another dataset version than {version}")
        sample = _decode(row, rung, name, task)
        if sample.info.image_id in seen:
            raise FolderError(f"{name}: there twice; build the dataset anew")
        seen.add(sample.info.image_id)
        is_checked = expected.check_pixels == "all" or (
            expected.check_pixels == "sample" and (number == 0 or _is_drawn(sample.info))
        )
        if is_checked and pixel_sha256(sample.pixels) != sample.info.pixel_sha256:
            raise FolderError(
                f"{name}: its pixels are not those of its hash; `imagenetq verify` tells whether "
                "the dataset or this machine's Pillow is at fault"
            )
        yield sample


def require_version(fields: dict[str, Any], name: str) -> str:
    """Give the dataset version that a tar's row states."""
    version = fields.get("dataset_version")
    if not isinstance(version, str) or "specification_digest" not in fields:
        raise FolderError(f"{name}: says no dataset version, so no row of ImageNet-Q")
    if fields["specification_digest"] != specification_digest():
        raise FolderError(
            f"{name}: of ImageNet-Q {version}, whose specification this version of imagenetq "
            "does not know; install the one that fits"
        )
    return version


def _check_fields(fields: dict[str, Any], rung: Variant, name: str) -> None:
    image_id = fields.get("image_id")
    if not isinstance(image_id, str) or not is_image_id(image_id):
        raise FolderError(
            f"{name}: its image id is none, which has 1 to {MAX_ID_LENGTH} printable characters; "
            "build the dataset from files of such names"
        )
    wnid, label = fields.get("wnid"), fields.get("label")
    if type(label) is not int or not isinstance(wnid, str) or classes.labels().get(wnid) != label:
        raise FolderError(f"{name}: label {label!r} is not that of class {wnid!r}")
    value = None if rung.value is None else float(rung.value)
    stored = fields.get("distortion"), fields.get("value")
    if stored != (rung.distortion, value):
        raise FolderError(f"{name}: of another variant ({stored[0]!r} at {stored[1]!r})")
    pixel_hash = fields.get("pixel_sha256")
    if not isinstance(pixel_hash, str) or not _SHA256.fullmatch(pixel_hash):
        raise FolderError(f"{name}: its pixel hash is none")


def _decode(row: StoredRow, rung: Variant, name: str, task: str) -> Sample:
    fields = row.fields
    try:
        pixels = decode(row.image, name, STORED_FORMATS)
    except BadImage as error:
        raise FolderError(str(error)) from error
    height, width, _ = pixels.shape
    if (fields.get("width"), fields.get("height")) != (width, height):
        raise FolderError(f"{name}: its image has another size than the row says")
    info = SampleInfo(
        task=task,
        image_id=fields["image_id"],
        wnid=fields["wnid"],
        variant=rung.name,
        label=fields["label"],
        short_side=min(height, width),
        pixel_sha256=fields["pixel_sha256"],
    )
    return Sample(info, pixels)


def _is_drawn(info: SampleInfo) -> bool:
    """Draw one row in twenty, always the same ones."""
    digest = hashlib.sha256(f"{info.image_id}\t{info.variant}".encode()).digest()
    return int.from_bytes(digest[:8], "little") % _ONE_IN == 0
