"""Verify a dataset folder: every shard, every row, every pixel; against the source if given."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

from imagenetq.builder.build import originals_folder
from imagenetq.builder.card import CARD_NAME
from imagenetq.builder.shards import shard_format
from imagenetq.builder.sources import Source
from imagenetq.builder.storage import UPRIGHT, orientation
from imagenetq.builder.workers import Reporter, run_units
from imagenetq.decoding import STORED_FORMATS, decode, is_jpeg
from imagenetq.digests import PixelLine, pixel_digest, source_digest
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage, FolderError
from imagenetq.files import sha256_of
from imagenetq.manifest import Manifest, Shard, read_manifest
from imagenetq.progress import meter, usable_cores
from imagenetq.record import Row, pixel_sha256, psnr
from imagenetq.rendering import render_ladder
from imagenetq.selection import RankedImage, select
from imagenetq.selfcheck import check_platform
from imagenetq.shards import READERS, StoredRow
from imagenetq.specification import CLEAN, select_variants, specification_digest, variant


@dataclass(frozen=True)
class _Job:
    """What all units of a verification share.

    Attributes:
        folder: the dataset's.
        manifest: what it should hold.
        source: to render again from; None to check the folder alone.
        originals: the source's images by id; empty without a source.
    """

    folder: Path
    manifest: Manifest
    source: Source | None
    originals: dict[str, RankedImage]


@dataclass
class _Findings:
    """What was found in a unit.

    Attributes:
        problems: one line each: file, row and variant, and what is wrong.
        lines: of all rows, as their pixels really are.
        ranks: of each image, as its first row says.
    """

    problems: list[str] = field(default_factory=list)
    lines: list[PixelLine] = field(default_factory=list)
    ranks: dict[str, int] = field(default_factory=dict)


def verify(folder: Path, source: Source | None = None, *, workers: int | None = None) -> list[str]:
    """Check a dataset folder against its manifest, and its pixels against their hashes.

    Args:
        folder: the dataset.
        source: if given, every variant is rendered again from it and compared.
        workers: processes; one a core if left out.

    Returns:
        One line a problem; empty if all is well.

    Raises:
        FolderError: there is no valid manifest, or it is of another specification.
        SourceError: the source cannot be read.
    """
    manifest = read_manifest(folder)
    if manifest.specification_digest != specification_digest():
        raise FolderError(
            f"{folder} is of ImageNet-Q {manifest.dataset_version}, whose specification this "
            f"version of imagenetq does not know; it was built with {manifest.code.version}"
        )
    check_platform()
    job = _Job(folder, manifest, source, _originals(folder, manifest, source))
    problems = _stray_files(folder, manifest) + _card_problems(folder, manifest)
    lines: list[PixelLine] = []
    units = _units(manifest)
    with meter("verifying", max(sum(shard.rows for shard in manifest.shards), 1)) as progress:
        findings = run_units(
            _check_unit,
            job,
            units,
            workers=workers or usable_cores(),
            on_tally=progress.show,
        )
        for found in findings:
            problems += found.problems
            lines += found.lines
    return sorted(problems) + _digest_problems(manifest, lines) + _missing(job, lines)


def _originals(folder: Path, manifest: Manifest, source: Source | None) -> dict[str, RankedImage]:
    if source is None:
        return {}
    selection = select(source.images(), manifest.subset, allow_short=True)
    with meter("fetching", len(selection.images)) as progress:
        source.fetch(selection.images, originals_folder(folder), progress.advance)
    return {image.image_id: image for image in selection.images}


def _units(manifest: Manifest) -> list[tuple[Shard, ...]]:
    """The shards of the same images, clean first: they are checked together."""
    by_variant = [
        [shard for shard in manifest.shards if shard.variant == name] for name in manifest.variants
    ]
    return [
        tuple(shard for shard in shards if shard is not None) for shards in zip_longest(*by_variant)
    ]


def _stray_files(folder: Path, manifest: Manifest) -> list[str]:
    listed = {folder / shard.path for shard in manifest.shards}
    found = (path for path in (folder / "data").rglob("*") if path.is_file())
    return [f"{path}: not in the manifest; remove it" for path in found if path not in listed]


def _card_problems(folder: Path, manifest: Manifest) -> list[str]:
    path = folder / CARD_NAME
    if path.is_file() and f"build-{manifest.pixel_digest}" in path.read_text("utf-8", "replace"):
        return []
    return [f"{path}: not this dataset's card; run the same `imagenetq build` to write it again"]


def _digest_problems(manifest: Manifest, lines: Sequence[PixelLine]) -> list[str]:
    problems = []
    if pixel_digest(lines) != manifest.pixel_digest:
        problems.append(f"the pixel digest is not the manifest's {manifest.pixel_digest}")
    if CLEAN in manifest.variants and source_digest(lines) != manifest.source_digest:
        problems.append(f"the source digest is not the manifest's {manifest.source_digest}")
    return problems


def _missing(job: _Job, lines: Sequence[PixelLine]) -> list[str]:
    """Originals of the source's subset that the dataset neither holds nor says it left out."""
    known = {line.image_id for line in lines}
    known |= {note.image_id for note in job.manifest.bad_images}
    return [
        f"{image.name}: {image.image_id} belongs to the subset, but the dataset lacks it"
        for image in job.originals.values()
        if image.image_id not in known
    ]


def _check_unit(job: _Job, shards: tuple[Shard, ...], reporter: Reporter) -> _Findings:
    findings = _Findings()
    clean: dict[str, Pixels] = {}
    for shard in shards:
        path = job.folder / shard.path
        try:
            _check_file(path, shard)
            rows = 0
            with path.open("rb") as file:
                for row in READERS[job.manifest.format](file, str(path)):
                    reporter.stop_if_asked()
                    _check_row(job, shard, row, clean, findings)
                    reporter.advance(1)
                    reporter.add_bytes(len(row.image))
                    rows += 1
            if rows != shard.rows:
                findings.problems.append(f"{path}: {rows} rows; the manifest says {shard.rows}")
        except FolderError as problem:
            findings.problems.append(str(problem))
        except OSError as error:
            findings.problems.append(f"{path}: cannot be read ({error})")
    if job.source is not None:
        _render_again(job, job.source, findings, reporter)
    return findings


def _check_file(path: Path, shard: Shard) -> None:
    if not path.is_file():
        raise FolderError(f"{path}: missing")
    if path.stat().st_size != shard.bytes:
        size = path.stat().st_size
        raise FolderError(f"{path}: {size} bytes; the manifest says {shard.bytes}")
    if sha256_of(path) != shard.sha256:
        raise FolderError(f"{path}: its SHA-256 is not the manifest's")


def _check_row(
    job: _Job, shard: Shard, stored: StoredRow, clean: dict[str, Pixels], findings: _Findings
) -> None:
    """Check one row; `clean` collects the unit's clean images, which come first."""
    fields = stored.fields
    place = f"{job.folder / shard.path}: {fields.get('image_id')} ({shard.variant})"
    try:
        pixels = decode(stored.image, place, STORED_FORMATS)
        if is_jpeg(stored.image) and orientation(stored.image) != UPRIGHT:
            findings.problems.append(f"{place}: has an orientation tag; readers would rotate it")
        if shard.variant == CLEAN:
            clean[fields["image_id"]] = pixels
        row = _expected_row(shard, stored, pixels, clean.get(fields["image_id"]))
    except BadImage as problem:
        findings.problems.append(str(problem))
        return
    except (KeyError, TypeError, ValueError):
        findings.problems.append(f"{place}: its columns are not those of an ImageNet-Q row")
        return
    findings.lines.append(PixelLine(row.image_id, row.wnid, shard.variant, row.pixel_sha256))
    if findings.ranks.setdefault(row.image_id, row.rank) != row.rank:
        findings.problems.append(f"{place}: its rank differs from that in other variants")
    expected = shard_format(job.manifest.format).columns(row)
    for name in sorted(expected.keys() | fields.keys()):
        if fields.get(name) != expected.get(name):
            findings.problems.append(
                f"{place}: {name} is {fields.get(name)!r}, but should be {expected.get(name)!r}"
            )


def _expected_row(shard: Shard, stored: StoredRow, pixels: Pixels, clean: Pixels | None) -> Row:
    """What the row should say, from its image; without a clean image its error is believed."""
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


def _render_again(job: _Job, source: Source, findings: _Findings, reporter: Reporter) -> None:
    ladder = select_variants(job.manifest.variants)
    found = {(line.image_id, line.variant): line for line in findings.lines}
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
            name = rendered.variant.name
            line = found.get((image_id, name))
            expected = PixelLine(image_id, original.wnid, name, pixel_sha256(rendered.pixels))
            if line is not None and line != expected:
                what = "pixels" if line.wnid == expected.wnid else "class"
                findings.problems.append(
                    f"{image_id} ({name}): its {what} differ from those of {original.name}"
                )
