"""Build one unit: render its photographs once, write one shard of each variant, and a record."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256

from imagenetq.builder.building.manifest_of_build import RowTotals, pixel_lines
from imagenetq.builder.building.plan import Plan, PlannedImage, Unit
from imagenetq.builder.building.unit_records import (
    BadOriginal,
    RenderedOriginal,
    ShardRecord,
    UnitRecord,
    read_record,
    record_path,
    write_record,
)
from imagenetq.builder.card.card import write_placeholder
from imagenetq.builder.executors import Reporter
from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import ShardWriter, read_lines, shard_format
from imagenetq.builder.shards.image_files import extension, stored_bytes
from imagenetq.builder.sources import Source
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage, BuildStopped, FolderError
from imagenetq.files import AtomicFile
from imagenetq.manifest import MANIFEST_NAME, BadImageNote
from imagenetq.progress import say
from imagenetq.record import Row, is_uniform, pixel_sha256
from imagenetq.rendering import render_ladder
from imagenetq.specification import Variant


@dataclass(frozen=True)
class BuildJob:
    """What all units of a build share."""

    folder: DatasetFolder
    source: Source
    plan: Plan
    skip_bad: bool
    """Leave bad photographs out, instead of leaving their unit undone."""


def complete_unit(job: BuildJob, unit: Unit, reporter: Reporter) -> UnitRecord | list[BadImageNote]:
    """Build a unit unless it is done.

    If photographs are bad and not to be skipped, it gives all of the unit's bad ones instead.
    """
    done = _finished(job, unit)
    if done is not None:
        reporter.advance(len(unit.images), already_done=True)
        return done
    return _build(job, unit, reporter)


def _finished(job: BuildJob, unit: Unit) -> UnitRecord | None:
    """Give a unit's record, if it exists and every shard is still as it says; else None.

    A unit that is intact, but of other originals than the source has, is refused.
    """
    try:
        record = read_record(job.folder, unit.index, UnitRecord)
    except FolderError as damage:
        say(f"{damage}; its images are rendered again")
        return None
    if record is None or not _is_of(record, job, unit):
        return None
    shards = record.shards.values()
    if not all(job.folder.is_intact(shard.path, shard.bytes, shard.sha256) for shard in shards):
        return None
    planned = {image.image_id: image for image in unit.images}
    for original in record.originals:
        image = planned[original.image_id]
        if image.file_sha256 != original.file_sha256:
            raise FolderError(
                f"{job.folder} was built from another file of {original.image_id} than "
                f"{image.name}; give another --out, or the source that it was begun with"
            )
    if not _is_borne_out(record, job):
        path = job.folder.at(record_path(unit.index))
        say(f"{path}: contradicts the shards that it is of; its images are rendered again")
        return None
    return record


def _is_of(record: UnitRecord, job: BuildJob, unit: Unit) -> bool:
    """Tell whether a record is of this very unit, and its bad photographs are still the same."""
    planned = {image.image_id: image.file_sha256 for image in unit.images}
    recorded = {original.image_id for original in record.originals}
    bad = {image.image_id: image.file_sha256 for image in record.bad_images}
    paths = {name: job.plan.shard_path(unit.index, name) for name in job.plan.variants}
    return (
        (job.skip_bad or not bad)
        and recorded | bad.keys() == planned.keys()
        and all(planned[image_id] == file_sha256 for image_id, file_sha256 in bad.items())
        and {name: shard.path for name, shard in record.shards.items()} == paths
    )


def _is_borne_out(record: UnitRecord, job: BuildJob) -> bool:
    """Tell whether the shards on this machine hold what the record gives to the pixel digest.

    In an object store that would take thousands of requests, so there the record's own hash must
    do.
    """
    if not job.folder.is_local:
        return True
    stored = []
    for name, shard in record.shards.items():
        with job.folder.open(shard.path) as file:
            stored += read_lines(file, job.plan.format, name)
    return stored == pixel_lines([record])


@dataclass
class _Shard:
    """A shard that is being written."""

    variant: Variant
    path: str
    file: AtomicFile
    writer: ShardWriter
    totals: RowTotals = field(default_factory=RowTotals)
    pixels: list[str] = field(default_factory=list)

    def write(self, row: Row, image: bytes, *, is_uniform: bool) -> None:
        self.writer.write(row, image)
        self.totals.add(RowTotals([row.psnr], len(image), is_uniform))
        self.pixels.append(row.pixel_sha256)

    def record(self) -> ShardRecord:
        return ShardRecord(
            path=self.path,
            bytes=self.file.n_bytes,
            sha256=self.file.sha256,
            image_bytes=self.totals.image_bytes,
            uniform=self.totals.uniform,
            psnrs=tuple(self.totals.psnrs),
            pixels=tuple(self.pixels),
        )


def _build(job: BuildJob, unit: Unit, reporter: Reporter) -> UnitRecord | list[BadImageNote]:
    if job.folder.size(MANIFEST_NAME) is not None:
        # Before any of its shards is replaced, the folder must not be called complete.
        job.folder.remove(MANIFEST_NAME)
        write_placeholder(job.folder)
    originals: list[RenderedOriginal] = []
    bad_images: list[BadOriginal] = []
    with ExitStack() as open_files:
        shards = [_open_shard(job, unit, variant, open_files) for variant in job.plan.ladder()]
        for image in unit.images:
            reporter.stop_if_asked()
            try:
                original, clean = _read(job, image)
                # Once one is bad the unit cannot be finished: only look for other bad ones.
                if job.skip_bad or not bad_images:
                    originals.append(_write_rows(job, image, original, clean, shards, reporter))
            except BadImage as reason:
                bad_images.append(
                    BadOriginal(
                        image_id=image.image_id,
                        wnid=image.wnid,
                        reason=str(reason),
                        file_sha256=image.file_sha256,
                    )
                )
            reporter.advance(1)
        if bad_images and not job.skip_bad:
            return [image.note() for image in bad_images]
        # If replacing the shards is interrupted, the old record must not describe new ones.
        job.folder.remove(record_path(unit.index))
        for shard in shards:
            shard.writer.finish()
            shard.file.commit()
    record = UnitRecord(
        index=unit.index,
        originals=tuple(originals),
        bad_images=tuple(bad_images),
        shards={shard.variant.name: shard.record() for shard in shards},
    )
    write_record(job.folder, record)
    return record


def _open_shard(job: BuildJob, unit: Unit, variant: Variant, open_files: ExitStack) -> _Shard:
    path = job.plan.shard_path(unit.index, variant.name)
    file = job.folder.new_file(path)
    open_files.callback(file.abort)
    image_extension = extension(variant, job.plan.clean_extension)
    return _Shard(variant, path, file, shard_format(job.plan.format).writer(file, image_extension))


def _read(job: BuildJob, image: PlannedImage) -> tuple[bytes, Pixels]:
    try:
        original = job.source.read(image.source_image())
    except BadImage:
        # Recorded as bad, a file that was read before would stay left out once it is back.
        if image.file_sha256 is not None:
            raise BuildStopped(
                f"{image.name}: could be read when the build began, but not now; see that every "
                "machine has the source at the same place, and run the same command again"
            ) from None
        raise
    if image.file_sha256 != sha256(original).hexdigest():
        raise BuildStopped(f"{image.name}: changed while the build ran; run the same command again")
    return original, decode(original, image.name)


def _write_rows(
    job: BuildJob,
    image: PlannedImage,
    original: bytes,
    clean: Pixels,
    shards: list[_Shard],
    reporter: Reporter,
) -> RenderedOriginal:
    # Render all variants before writing one: a photograph is in all shards or in none.
    rows = []
    for rendered in render_ladder(clean, image_id=image.image_id, only=job.plan.ladder()):
        stored = stored_bytes(rendered, original, job.plan.clean_extension)
        row = Row.of(
            rendered.variant,
            image_id=image.image_id,
            wnid=image.wnid,
            rank=image.rank,
            pixels=rendered.pixels,
            clean=clean,
            n_bytes=len(stored),
        )
        rows.append((row, stored, is_uniform(rendered.pixels)))
    for shard, (row, stored, uniform) in zip(shards, rows, strict=True):
        shard.write(row, stored, is_uniform=uniform)
        reporter.add_bytes(len(stored))
    return RenderedOriginal(
        image_id=image.image_id,
        wnid=image.wnid,
        file_sha256=sha256(original).hexdigest(),
        pixel_sha256=pixel_sha256(clean),
    )
