"""Build one unit: render its images once, write one shard of each variant, and a record."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from imagenetq.builder.plan import Plan, PlannedImage, Unit
from imagenetq.builder.shards import ShardWriter, shard_format
from imagenetq.builder.sources import Source
from imagenetq.builder.storage import extension, stored_bytes
from imagenetq.builder.workers import Reporter
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage, FolderError
from imagenetq.files import AtomicFile, sha256_of, write_whole
from imagenetq.manifest import BadImageNote, Count, Model, Sha256, ShardPath, read_model
from imagenetq.record import Row, pixel_sha256
from imagenetq.rendering import render_ladder
from imagenetq.specification import Variant

_RECORDS = ".build/units"


class RenderedOriginal(Model):
    """An original that a unit holds.

    Attributes:
        image_id: its id.
        wnid: its class.
        file_sha256: of the original file that was rendered.
        pixel_sha256: of its decoded pixels.
    """

    image_id: str
    wnid: str
    file_sha256: str = Sha256
    pixel_sha256: str = Sha256


class ShardRecord(Model):
    """A shard that was written.

    Attributes:
        path: relative to the dataset folder.
        bytes: the file's size.
        sha256: of the file.
        image_bytes: of the image files in it.
        uniform: rows of a single colour.
        psnrs: of each row, dB; None where identical to clean.
        pixels: each row's pixel hash.
    """

    path: str = ShardPath
    bytes: int = Count
    sha256: str = Sha256
    image_bytes: int = Count
    uniform: int = Count
    psnrs: tuple[float | None, ...]
    pixels: tuple[str, ...]


class UnitRecord(Model):
    """A unit that is done; written last, so that whoever finds it finds the shards.

    Attributes:
        index: the unit's number.
        originals: in row order.
        bad_images: left out.
        shards: by variant.
    """

    index: int
    originals: tuple[RenderedOriginal, ...]
    bad_images: tuple[BadImageNote, ...]
    shards: dict[str, ShardRecord]


@dataclass(frozen=True)
class Job:
    """What all units of a build share.

    Attributes:
        folder: the dataset's.
        source: where originals are read.
        plan: the build's plan.
        skip_bad: leave bad images out instead of leaving the unit undone.
    """

    folder: Path
    source: Source
    plan: Plan
    skip_bad: bool


def record_path(folder: Path, unit: int) -> Path:
    """Where a unit's record lies."""
    return folder / _RECORDS / f"{unit:05d}.json"


def complete_unit(job: Job, unit: Unit, reporter: Reporter) -> UnitRecord | list[BadImageNote]:
    """Build a unit unless it is done.

    Returns:
        The record; or, if images are bad and not to be skipped, all of the unit's bad images.

    Raises:
        FolderError: the unit was built from other originals.
    """
    done = finished_unit(job, unit)
    if done is not None:
        reporter.advance(len(unit.images), already_done=True)
        return done
    return _build(job, unit, reporter)


def finished_unit(job: Job, unit: Unit) -> UnitRecord | None:
    """The unit's record, if it exists and every shard still is what it says.

    Raises:
        FolderError: the unit is intact, but was built from other originals than the source has.
    """
    path = record_path(job.folder, unit.index)
    if not path.is_file():
        return None
    try:
        record = read_model(UnitRecord, path, FolderError)
    except FolderError:
        return None
    if record.bad_images and not job.skip_bad:
        return None
    if set(record.shards) != set(job.plan.variants):
        return None
    if not all(_is_intact(job.folder, shard) for shard in record.shards.values()):
        return None
    _require_same_originals(job.folder, record, unit)
    return record


def _is_intact(folder: Path, shard: ShardRecord) -> bool:
    path = folder / shard.path
    return path.is_file() and path.stat().st_size == shard.bytes and sha256_of(path) == shard.sha256


def _require_same_originals(folder: Path, record: UnitRecord, unit: Unit) -> None:
    planned = {image.image_id: image for image in unit.images}
    for original in record.originals:
        image = planned[original.image_id]
        if image.file_sha256 != original.file_sha256:
            raise FolderError(
                f"{folder} was built from another file of {original.image_id} than "
                f"{image.name}; give another --out, or the source that it was begun with"
            )


@dataclass
class _Shard:
    """A shard in the making."""

    variant: Variant
    path: str
    file: AtomicFile
    writer: ShardWriter
    image_bytes: int
    uniform: int
    psnrs: list[float | None]
    pixels: list[str]

    def record(self) -> ShardRecord:
        return ShardRecord(
            path=self.path,
            bytes=self.file.n_bytes,
            sha256=self.file.sha256,
            image_bytes=self.image_bytes,
            uniform=self.uniform,
            psnrs=tuple(self.psnrs),
            pixels=tuple(self.pixels),
        )


def _build(job: Job, unit: Unit, reporter: Reporter) -> UnitRecord | list[BadImageNote]:
    originals: list[RenderedOriginal] = []
    bad_images: list[BadImageNote] = []
    with ExitStack() as open_files:
        shards = [
            _open_shard(job, unit, variant, open_files.callback) for variant in job.plan.ladder()
        ]
        for image in unit.images:
            reporter.stop_if_asked()
            try:
                original, clean = _read(job, image)
                # Once an image is bad the unit cannot be finished: look for others, no more.
                if job.skip_bad or not bad_images:
                    originals.append(_write_rows(job, image, original, clean, shards, reporter))
            except BadImage as reason:
                note = BadImageNote(image_id=image.image_id, wnid=image.wnid, reason=str(reason))
                bad_images.append(note)
            reporter.advance(1)
        if bad_images and not job.skip_bad:
            return bad_images
        for shard in shards:
            shard.writer.finish()
            shard.file.commit()
    record = UnitRecord(
        index=unit.index,
        originals=tuple(originals),
        bad_images=tuple(bad_images),
        shards={shard.variant.name: shard.record() for shard in shards},
    )
    write_whole(record_path(job.folder, unit.index), record.model_dump_json().encode())
    return record


def _open_shard(
    job: Job, unit: Unit, variant: Variant, at_exit: Callable[[Callable[[], None]], object]
) -> _Shard:
    path = job.plan.shard_path(unit.index, variant.name)
    file = AtomicFile(job.folder / path)
    at_exit(file.abort)
    image_extension = extension(variant, job.plan.clean_extension)
    writer = shard_format(job.plan.format).writer(file, image_extension)
    return _Shard(variant, path, file, writer, 0, 0, [], [])


def _read(job: Job, image: PlannedImage) -> tuple[bytes, Pixels]:
    original = job.source.read(image.source_image())
    if image.file_sha256 not in (None, sha256(original).hexdigest()):
        raise BadImage(f"{image.name}: changed while the build ran; run the same command again")
    return original, decode(original, image.name)


def _write_rows(
    job: Job,
    image: PlannedImage,
    original: bytes,
    clean: Pixels,
    shards: list[_Shard],
    reporter: Reporter,
) -> RenderedOriginal:
    # All variants are rendered before the first is written: an image is in all shards or in none.
    for shard, (row, stored, uniform) in zip(
        shards, _render_rows(job, image, original, clean), strict=True
    ):
        shard.writer.write(row, stored)
        shard.image_bytes += len(stored)
        shard.uniform += uniform
        shard.psnrs.append(row.psnr)
        shard.pixels.append(row.pixel_sha256)
        reporter.add_bytes(len(stored))
    return RenderedOriginal(
        image_id=image.image_id,
        wnid=image.wnid,
        file_sha256=sha256(original).hexdigest(),
        pixel_sha256=pixel_sha256(clean),
    )


def _render_rows(
    job: Job, image: PlannedImage, original: bytes, clean: Pixels
) -> list[tuple[Row, bytes, bool]]:
    rows = []
    try:
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
            rows.append((row, stored, _is_uniform(rendered.pixels)))
    except BadImage as reason:
        raise BadImage(f"{image.name}: {reason}") from None
    except (OSError, ValueError) as error:  # What Pillow's encoders raise.
        raise BadImage(f"{image.name}: cannot be encoded ({error})") from None
    return rows


def _is_uniform(pixels: Pixels) -> bool:
    return bool((pixels == pixels[0, 0]).all())
