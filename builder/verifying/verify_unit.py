"""Check one unit of a dataset folder: its shards, its rows, their pixels; against the source."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from io import BufferedReader
from typing import cast

from imagenetq.builder.building.manifest_of_build import RowTotals
from imagenetq.builder.executors import Reporter
from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import shard_format
from imagenetq.builder.shards.orientation import UPRIGHT, orientation
from imagenetq.builder.sources import Source
from imagenetq.decoding import STORED_FORMATS, decode, is_jpeg
from imagenetq.digests import PixelLine
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage, FolderError
from imagenetq.manifest import Manifest, Shard
from imagenetq.record import Row, is_uniform, pixel_sha256, psnr
from imagenetq.rendering import render_ladder
from imagenetq.selection import MAX_ID_LENGTH, RankedImage, is_image_id
from imagenetq.shards import READERS, StoredRow
from imagenetq.specification import CLEAN, select_variants, variant

# Larger clean images are kept as files and decoded when they are needed, to bound memory.
_KEPT_SAMPLES = 3 * 2**20


@dataclass(frozen=True)
class DatasetCheck:
    """What all units of a verification share."""

    folder: DatasetFolder
    manifest: Manifest
    """Manifest that says what the folder should hold."""

    source: Source | None
    """Source to render again from; None to check the folder alone."""

    originals: dict[str, RankedImage]
    """Photographs of the source by id; empty without a source."""


@dataclass
class Findings:
    """The findings in one unit, or in all of them."""

    problems: list[str] = field(default_factory=list)
    """One line for each problem: file, row and variant, and what is wrong."""

    lines: list[PixelLine] = field(default_factory=list)
    """Pixel lines of all rows, as their pixels really are."""

    ranks: dict[str, int] = field(default_factory=dict)
    """Rank of each photograph, as its first row says."""

    variants: defaultdict[str, RowTotals] = field(default_factory=lambda: defaultdict(RowTotals))
    """Totals over each variant's rows."""

    def add(self, other: "Findings") -> None:
        """Add another unit's findings, which are of other photographs."""
        self.problems += other.problems
        self.lines += other.lines
        self.ranks |= other.ranks
        for name, totals in other.variants.items():
            self.variants[name].add(totals)


class _CleanImages:
    """A unit's clean images, to measure its variants by; decoded if that takes little memory."""

    def __init__(self) -> None:
        self._images: dict[str, Pixels | bytes] = {}

    def add(self, image_id: str, pixels: Pixels, image: bytes) -> None:
        """Keep a clean image."""
        self._images[image_id] = pixels if pixels.size <= _KEPT_SAMPLES else image

    def get(self, image_id: str) -> Pixels | None:
        """Give a clean image's samples; None if the dataset holds none of that id."""
        kept = self._images.get(image_id)
        return decode(kept, image_id, STORED_FORMATS) if isinstance(kept, bytes) else kept


def check_unit(job: DatasetCheck, shards: tuple[Shard, ...], reporter: Reporter) -> Findings:
    """Check the shards of one unit; clean must be the first, if there is one."""
    findings = Findings()
    clean = _CleanImages()
    for shard in shards:
        name = job.folder.at(shard.path)
        try:
            _check_shard(job, shard, name, clean, findings, reporter)
        except FolderError as problem:
            findings.problems.append(str(problem))
        except OSError as error:
            findings.problems.append(f"{name}: cannot be read ({error.strerror or error})")
    if job.source is not None:
        _render_again(job, job.source, findings, reporter)
    return findings


def _check_shard(
    job: DatasetCheck,
    shard: Shard,
    name: str,
    clean: _CleanImages,
    findings: Findings,
    reporter: Reporter,
) -> None:
    size = job.folder.size(shard.path)
    if size is None:
        raise FolderError(f"{name}: missing")
    if size != shard.bytes:
        raise FolderError(f"{name}: {size} bytes; the manifest says {shard.bytes}")
    n_rows = 0
    with job.folder.fetch(shard.path) as file:
        if hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest() != shard.sha256:
            raise FolderError(f"{name}: its SHA-256 is not the manifest's")
        file.seek(0)
        for row in READERS[job.manifest.format](file, name):
            reporter.stop_if_asked()
            _check_row(job, shard, row, clean, findings)
            reporter.advance(1)
            reporter.add_bytes(len(row.image))
            n_rows += 1
    if n_rows != shard.rows:
        raise FolderError(f"{name}: {n_rows} rows; the manifest says {shard.rows}")


def _check_row(
    job: DatasetCheck, shard: Shard, stored: StoredRow, clean: _CleanImages, findings: Findings
) -> None:
    """Check one row; `clean` collects the unit's clean images, which come first."""
    fields = stored.fields
    name = f"{job.folder.at(shard.path)}: {fields.get('image_id')!s:.220} ({shard.variant})"
    try:
        pixels = decode(stored.image, name, STORED_FORMATS)
        if is_jpeg(stored.image) and orientation(stored.image) != UPRIGHT:
            findings.problems.append(
                f"{name}: states an orientation, or has damaged metadata; readers would rotate it "
                "or fail"
            )
        if shard.variant == CLEAN:
            clean.add(fields["image_id"], pixels, stored.image)
        row = _expected_row(shard, stored, pixels, clean.get(fields["image_id"]))
    except BadImage as problem:
        findings.problems.append(str(problem))
        return
    except (KeyError, TypeError, ValueError):
        findings.problems.append(f"{name}: its columns are not those of an ImageNet-Q row")
        return
    if not is_image_id(row.image_id):
        findings.problems.append(
            f"{name}: its image id is none, which has 1 to {MAX_ID_LENGTH} printable characters"
        )
    totals = RowTotals([row.psnr], row.n_bytes, is_uniform(pixels))
    findings.variants[shard.variant].add(totals)
    findings.lines.append(PixelLine(row.image_id, row.wnid, shard.variant, row.pixel_sha256))
    if findings.ranks.setdefault(row.image_id, row.rank) != row.rank:
        findings.problems.append(f"{name}: its rank differs from that in other variants")
    expected = shard_format(job.manifest.format).columns(row)
    for column in sorted(expected.keys() | fields.keys()):
        given, right = fields.get(column), expected.get(column)
        if given != right:
            findings.problems.append(f"{name}: {column} is {given!r}, but should be {right!r}")


def _expected_row(shard: Shard, stored: StoredRow, pixels: Pixels, clean: Pixels | None) -> Row:
    """Compute what a row should say from its image; without a clean one its error is believed."""
    fields = stored.fields
    row = Row.of(
        variant(shard.variant),
        image_id=fields["image_id"],
        wnid=fields["wnid"],
        rank=fields["rank"],
        pixels=pixels,
        clean=pixels if clean is None else clean,
        n_bytes=len(stored.image),
    )
    if clean is None:
        sse = int(fields["sse"])
        return replace(row, sse=sse, psnr=psnr(sse, pixels.size))
    return row


def _render_again(
    job: DatasetCheck, source: Source, findings: Findings, reporter: Reporter
) -> None:
    ladder = select_variants(job.manifest.variants)
    stored = {(line.image_id, line.variant): line for line in findings.lines}
    for image_id in dict.fromkeys(line.image_id for line in findings.lines):
        reporter.stop_if_asked()
        original = job.originals.get(image_id)
        if original is None:
            findings.problems.append(f"{image_id}: the source's subset does not hold it")
            continue
        if findings.ranks[image_id] != original.rank:
            findings.problems.append(f"{image_id}: its rank should be {original.rank}")
        try:
            clean = decode(source.read(original), original.name)
        except BadImage as problem:
            findings.problems.append(str(problem))
            continue
        for rendered in render_ladder(clean, image_id=image_id, only=ladder):
            reporter.advance(1)
            name = rendered.variant.name
            line = stored.get((image_id, name))
            expected = PixelLine(image_id, original.wnid, name, pixel_sha256(rendered.pixels))
            if line is not None and line != expected:
                what = "pixels" if line.wnid == expected.wnid else "class"
                findings.problems.append(
                    f"{image_id} ({name}): its {what} differ from those of {original.name}"
                )
