"""Estimate what a build would take, by rendering a few of its photographs."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Unpack

from imagenetq.builder.building.options import BuildOptions, Options
from imagenetq.builder.building.plan import UNIT, select_images
from imagenetq.builder.shards import shard_format
from imagenetq.builder.shards.image_files import JPEG, WEBP, stored_bytes
from imagenetq.builder.sources import Source
from imagenetq.decoding import decode, is_jpeg
from imagenetq.errors import BadImage
from imagenetq.progress import meter, usable_cores
from imagenetq.rendering import render_ladder
from imagenetq.specification import select_variants

_PROBES = 4


@dataclass(frozen=True)
class Estimate:
    """The estimated size and duration of a build."""

    photographs: int
    """Number of photographs."""

    variants: int
    """Number of variants of each photograph."""

    shards: int
    """Number of shard files."""

    bytes: int | None
    """Bytes of all image files, extrapolated; None if no photograph could be rendered."""

    seconds: float | None
    """Seconds that the build takes with the workers asked for, extrapolated; None if no photograph
    could be rendered."""


def estimate(source: Source, **options: Unpack[BuildOptions]) -> Estimate:
    """Render a few photographs, evenly spread, and extrapolate what `build` would take.

    Photographs that would have to be fetched from afar first are not rendered.

    Args:
        source: as for `build`.
        options: as for `build`; `executor` and `skip_bad` make no difference.

    Raises:
        SourceError: as for `build`.
        UsageError: as for `build`.
    """
    chosen = Options(**options)
    shard_format(chosen.format_name)
    variants = select_variants(chosen.only)
    images = select_images(source, chosen.subset, allow_short=chosen.allow_short).images
    n_units = -(-len(images) // UNIT)
    probes = images[:: max(1, len(images) // _PROBES)][:_PROBES]
    start = time.perf_counter()
    sizes = []
    with meter("measuring", len(probes), "photographs") as progress:
        for image in probes:
            # A photograph may be bad, or not at hand.
            with suppress(BadImage):
                original = source.read(image)
                clean = decode(original, image.name)
                extension = JPEG if is_jpeg(original) else WEBP
                ladder = render_ladder(clean, image_id=image.image_id, only=variants)
                sizes.append(sum(len(stored_bytes(one, original, extension)) for one in ladder))
            progress.advance(1)
    seconds = (time.perf_counter() - start) / min(chosen.workers or usable_cores(), n_units)
    scale = len(images) / len(sizes) if sizes else None
    return Estimate(
        photographs=len(images),
        variants=len(variants),
        shards=n_units * len(variants),
        bytes=None if scale is None else round(sum(sizes) * scale),
        seconds=None if scale is None else seconds * scale,
    )
