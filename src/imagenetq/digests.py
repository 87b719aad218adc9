"""The digests that name a dataset: two builds with the same pixel digest are the same dataset."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from imagenetq.specification import CLEAN, variants


class PixelLine(NamedTuple):
    """What the pixel digest covers of one row."""

    image_id: str
    """The original's id."""

    wnid: str
    """Its class."""

    variant: str
    """The variant's name."""

    pixel_sha256: str
    """Hex SHA-256 of the RGB rows."""


def pixel_digest(lines: Iterable[PixelLine]) -> str:
    """SHA-256 (hex) over one tab-separated line a row, ordered by image id, then ladder."""
    order = {variant.name: place for place, variant in enumerate(variants())}
    ordered = sorted(lines, key=lambda line: (line.image_id, order[line.variant]))
    digest = hashlib.sha256()
    for line in ordered:
        digest.update(("\t".join(line) + "\n").encode())
    return digest.hexdigest()


def source_digest(clean_lines: Iterable[PixelLine]) -> str:
    """The pixel digest over the clean lines alone; other lines are passed over."""
    return pixel_digest(line for line in clean_lines if line.variant == CLEAN)
