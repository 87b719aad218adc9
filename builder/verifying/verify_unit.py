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


def check_unit(job: DatasetCheck, shards: tuple[Shard, ...], reporter: Reporter) -> Findings:
    """Check the shards of one unit; clean must be the first, if there is one."""
    check = _UnitCheck(job, reporter)
    for shard in shards:
        name = job.folder.at(shard.path)
        try:
            check.check_shard(shard, name)
        except FolderError as problem:
            check.report(str(problem))
        except OSError as error:
            check.report(f"{name}: cannot be read ({error.strerror or error})")
    if job.source is not None:
        check.render_again(job.source)
    return check.findings


@dataclass
class _UnitCheck:
    """The check of one unit, which collects what it finds."""

    job: DatasetCheck
    reporter: Reporter
    findings: Findings = field(default_factory=Findings)
    clean: dict[str, Pixels | bytes] = field(default_factory=dict)
    """Clean images by id, to measure the variants by; large ones as files, to bound memory."""

    def report(self, problem: str) -> None:
        self.findings.problems.append(problem)

    def check_shard(self, shard: Shard, name: str) -> None:
        folder = self.job.folder
        size = folder.size(shard.path)
        if size is None:
            raise FolderError(f"{name}: missing")
        if size != shard.bytes:
            raise FolderError(f"{name}: {size} bytes; the manifest says {shard.bytes}")
        n_rows = 0
        with folder.fetch(shard.path) as file:
            digest = hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
            if digest != shard.sha256:
                raise FolderError(f"{name}: its SHA-256 is not the manifest's")
            file.seek(0)
            for row in READERS[self.job.manifest.format](file, name):
                self.reporter.stop_if_asked()
                self._check_row(shard.variant, row, name)
                self.reporter.advance(1)
                self.reporter.add_bytes(len(row.image))
                n_rows += 1
        if n_rows != shard.rows:
            raise FolderError(f"{name}: {n_rows} rows; the manifest says {shard.rows}")

    def _check_row(self, variant_name: str, stored: StoredRow, shard_name: str) -> None:
        fields, findings = stored.fields, self.findings
        name = f"{shard_name}: {fields.get('image_id')!s:.220} ({variant_name})"
        try:
            pixels = decode(stored.image, name, STORED_FORMATS)
            if is_jpeg(stored.image) and orientation(stored.image) != UPRIGHT:
                self.report(
                    f"{name}: states an orientation, or has damaged metadata; readers would rotate "
                    "it or fail"
                )
            if variant_name == CLEAN:
                kept = pixels if pixels.size <= _KEPT_SAMPLES else stored.image
                self.clean[fields["image_id"]] = kept
            row = self._expected_row(variant_name, stored, pixels)
        except BadImage as problem:
            self.report(str(problem))
            return
        except (KeyError, TypeError, ValueError):
            self.report(f"{name}: its columns are not those of an ImageNet-Q row")
            return
        if not is_image_id(row.image_id):
            self.report(
                f"{name}: its image id is none, which has 1 to {MAX_ID_LENGTH} printable characters"
            )
        totals = RowTotals([row.psnr], row.n_bytes, is_uniform(pixels))
        findings.variants[variant_name].add(totals)
        findings.lines.append(PixelLine(row.image_id, row.wnid, variant_name, row.pixel_sha256))
        if findings.ranks.setdefault(row.image_id, row.rank) != row.rank:
            self.report(f"{name}: its rank differs from that in other variants")
        expected = shard_format(self.job.manifest.format).columns(row)
        for column in sorted(expected.keys() | fields.keys()):
            given, right = fields.get(column), expected.get(column)
            if given != right:
                self.report(f"{name}: {column} is {given!r}, but should be {right!r}")

    def _expected_row(self, variant_name: str, stored: StoredRow, pixels: Pixels) -> Row:
        """Compute what a row should say; without a clean image its own error is believed."""
        fields = stored.fields
        clean = self.clean.get(fields["image_id"])
        if isinstance(clean, bytes):
            clean = decode(clean, fields["image_id"], STORED_FORMATS)
        row = Row.of(
            variant(variant_name),
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

    def render_again(self, source: Source) -> None:
        job, lines = self.job, self.findings.lines
        ladder = select_variants(job.manifest.variants)
        stored = {(line.image_id, line.variant): line for line in lines}
        for image_id in dict.fromkeys(line.image_id for line in lines):
            self.reporter.stop_if_asked()
            original = job.originals.get(image_id)
            if original is None:
                self.report(f"{image_id}: the source's subset does not hold it")
                continue
            if self.findings.ranks[image_id] != original.rank:
                self.report(f"{image_id}: its rank should be {original.rank}")
            try:
                clean = decode(source.read(original), original.name)
            except BadImage as problem:
                self.report(str(problem))
                continue
            for rendered in render_ladder(clean, image_id=image_id, only=ladder):
                self.reporter.advance(1)
                name = rendered.variant.name
                line = stored.get((image_id, name))
                expected = PixelLine(image_id, original.wnid, name, pixel_sha256(rendered.pixels))
                if line is not None and line != expected:
                    what = "pixels" if line.wnid == expected.wnid else "class"
                    self.report(
                        f"{image_id} ({name}): its {what} differ from those of {original.name}"
                    )
