"""Make a build's manifest from the records of its units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from imagenetq.builder.building.plan import Plan
from imagenetq.builder.building.unit_records import ShardRecord, UnitRecord
from imagenetq.digests import PixelLine, pixel_digest, source_digest
from imagenetq.manifest import Code, Manifest, Shard, VariantSummary
from imagenetq.provenance import code_commit, code_version
from imagenetq.specification import CLEAN, Variant

_OFF_TARGET_DB = 1.0


@dataclass
class RowTotals:
    """The totals over some rows of one variant."""

    psnrs: list[float | None] = field(default_factory=list)
    """PSNR of each row in dB; None where identical to clean."""

    image_bytes: int = 0
    """Bytes of the image files together."""

    uniform: int = 0
    """Number of rows of a single colour."""

    def add(self, rows: "RowTotals | ShardRecord") -> None:
        """Add the totals over other rows."""
        self.psnrs += rows.psnrs
        self.image_bytes += rows.image_bytes
        self.uniform += rows.uniform

    def summary(self, variant: Variant) -> VariantSummary:
        """Summarise all rows of a variant."""
        finite = [psnr for psnr in self.psnrs if psnr is not None]
        off_target = None
        if variant.parameter == "psnr" and variant.value is not None:
            off_target = sum(abs(psnr - variant.value) > _OFF_TARGET_DB for psnr in finite)
        return VariantSummary(
            rows=len(self.psnrs),
            image_bytes=self.image_bytes,
            mean_psnr=round(math.fsum(finite) / len(finite), 2) if finite else None,
            off_target=off_target,
            uniform=self.uniform,
        )


def make_manifest(plan: Plan, records: Sequence[UnitRecord]) -> Manifest:
    """Make the manifest of a complete build from the records of all units, in their order."""
    totals = {variant: RowTotals() for variant in plan.ladder()}
    for variant, rows in totals.items():
        for record in records:
            rows.add(record.shards[variant.name])
    return Manifest(
        # What both record has one name and one meaning.
        **plan.model_dump(exclude={"variants", "images"}),
        # Every record has the clean lines, even if the clean variant is not built.
        source_digest=source_digest(
            PixelLine(original.image_id, original.wnid, CLEAN, original.pixel_sha256)
            for record in records
            for original in record.originals
        ),
        pixel_digest=pixel_digest(pixel_lines(records)),
        images=sum(len(record.originals) for record in records),
        variants={variant.name: rows.summary(variant) for variant, rows in totals.items()},
        bad_images=tuple(image.note() for record in records for image in record.bad_images),
        shards=tuple(
            Shard(
                path=shard.path,
                variant=name,
                rows=len(shard.pixels),
                bytes=shard.bytes,
                sha256=shard.sha256,
            )
            for name in plan.variants
            for shard in (record.shards[name] for record in records)
        ),
        code=Code(version=code_version(), commit=code_commit()),
    )


def pixel_lines(records: Sequence[UnitRecord]) -> list[PixelLine]:
    """List the lines that the pixel digest covers."""
    return [
        PixelLine(original.image_id, original.wnid, variant, pixels)
        for record in records
        for variant, shard in record.shards.items()
        for original, pixels in zip(record.originals, shard.pixels, strict=True)
    ]
