"""Compute the digests that identify a dataset: the same pixel digest means the same dataset."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from imagenetq.specification import CLEAN, variants


class PixelLine(NamedTuple):
    """The part of a row that the pixel digest covers."""

    image_id: str
    """Id of the photograph."""

    wnid: str
    """WordNet id of the photograph's class."""

    variant: str
    """Name of the variant."""

    pixel_sha256: str
    """Hex SHA-256 of the decoded RGB samples, row by row."""


def pixel_digest(lines: Iterable[PixelLine]) -> str:
    """Compute SHA-256 (hex) over one tab-separated line a row, ordered by image id, then ladder."""
    order = {variant.name: index for index, variant in enumerate(variants())}
    digest = hashlib.sha256()
    for line in sorted(lines, key=lambda line: (line.image_id, order[line.variant])):
        digest.update(("\t".join(line) + "\n").encode())
    return digest.hexdigest()


def source_digest(clean_lines: Iterable[PixelLine]) -> str:
    """Compute the pixel digest over the clean lines alone; other lines are ignored."""
    return pixel_digest(line for line in clean_lines if line.variant == CLEAN)
