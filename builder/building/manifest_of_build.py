"""Make a build's manifest from the records of its units."""

import math
from collections.abc import Sequence

from imagenetq.builder.building.plan import Plan
from imagenetq.builder.building.unit_records import ShardRecord, UnitRecord
from imagenetq.digests import PixelLine, pixel_digest, source_digest
from imagenetq.manifest import Code, Manifest, Shard, VariantSummary
from imagenetq.provenance import code_commit, code_version
from imagenetq.specification import CLEAN, Variant

_OFF_TARGET_DB = 1.0


def make_manifest(plan: Plan, records: Sequence[UnitRecord]) -> Manifest:
    """Make the manifest of a complete build.

    Args:
        plan: the build's plan.
        records: the records of all units, in the units' order.
    """
    return Manifest(
        dataset_version=plan.dataset_version,
        specification_digest=plan.specification_digest,
        source_digest=source_digest(_clean_lines(records)),
        pixel_digest=pixel_digest(pixel_lines(records)),
        subset=plan.subset,
        source=plan.source,
        format=plan.format,
        clean_extension=plan.clean_extension,
        images=sum(len(record.originals) for record in records),
        variants={
            variant.name: _summary(variant, [record.shards[variant.name] for record in records])
            for variant in plan.ladder()
        },
        classes_absent=plan.classes_absent,
        classes_short=plan.classes_short,
        bad_images=tuple(image.note() for record in records for image in record.bad_images),
        shards=tuple(
            _shard(name, record.shards[name]) for name in plan.variants for record in records
        ),
        versions=plan.versions,
        code=Code(version=code_version(), commit=code_commit()),
    )


def _clean_lines(records: Sequence[UnitRecord]) -> list[PixelLine]:
    """List the clean lines, which every record has even if the clean variant is not built."""
    return [
        PixelLine(original.image_id, original.wnid, CLEAN, original.pixel_sha256)
        for record in records
        for original in record.originals
    ]


def pixel_lines(records: Sequence[UnitRecord]) -> list[PixelLine]:
    """List the lines that the pixel digest covers."""
    return [
        PixelLine(original.image_id, original.wnid, variant, pixels)
        for record in records
        for variant, shard in record.shards.items()
        for original, pixels in zip(record.originals, shard.pixels, strict=True)
    ]


def _shard(variant: str, record: ShardRecord) -> Shard:
    return Shard(
        path=record.path,
        variant=variant,
        rows=len(record.pixels),
        bytes=record.bytes,
        sha256=record.sha256,
    )


def summarise(
    variant: Variant, psnrs: Sequence[float | None], *, image_bytes: int, uniform: int
) -> VariantSummary:
    """Summarise the rows of a variant.

    Args:
        variant: the variant.
        psnrs: PSNR of each of its rows in dB; None where identical to clean.
        image_bytes: bytes of its image files together.
        uniform: number of its rows of a single colour.
    """
    finite = [psnr for psnr in psnrs if psnr is not None]
    target = variant.value if variant.parameter == "psnr" else None
    return VariantSummary(
        rows=len(psnrs),
        image_bytes=image_bytes,
        mean_psnr=round(math.fsum(finite) / len(finite), 2) if finite else None,
        off_target=None
        if target is None
        else sum(abs(psnr - target) > _OFF_TARGET_DB for psnr in finite),
        uniform=uniform,
    )


def _summary(variant: Variant, records: Sequence[ShardRecord]) -> VariantSummary:
    return summarise(
        variant,
        [psnr for record in records for psnr in record.psnrs],
        image_bytes=sum(record.image_bytes for record in records),
        uniform=sum(record.uniform for record in records),
    )
