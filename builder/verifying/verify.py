"""Verify a dataset folder: every shard, every row, every pixel; against the source if given."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import zip_longest
from pathlib import Path

from imagenetq import classes
from imagenetq.builder.building.build import fetch_originals
from imagenetq.builder.card.card import CARD_NAME, card, front_matter
from imagenetq.builder.card.croissant import CROISSANT_NAME, is_of
from imagenetq.builder.executors import Work
from imagenetq.builder.executors.local import run_units
from imagenetq.builder.folders import DatasetFolder, open_folder
from imagenetq.builder.sources import Source
from imagenetq.builder.sources.sample import Sample
from imagenetq.builder.verifying.verify_unit import DatasetCheck, Findings, check_unit
from imagenetq.decoding import decode
from imagenetq.digests import pixel_digest, source_digest
from imagenetq.errors import BadImage
from imagenetq.manifest import MANIFEST_NAME, Manifest, Shard
from imagenetq.progress import meter, working
from imagenetq.selection import RankedImage, select
from imagenetq.selfcheck import check_platform
from imagenetq.specification import CLEAN, DATASET_VERSION, SUBSETS, variant


def verify(
    dataset: str | Path | DatasetFolder, source: Source | None = None, *, workers: int | None = None
) -> list[str]:
    """Check a dataset against its manifest, and its pixels against their hashes.

    Args:
        dataset: its folder, opened or not, its URL, or `hf:ORG/NAME`; remote shards are read one
            by one.
        source: if given, every variant is rendered again from it and compared.
        workers: processes; one a core if left out.

    Returns:
        One line a problem; empty if all is well.

    Raises:
        FolderError: there is no valid manifest, or it is of another specification.
        SourceError: the source cannot be read.
        UsageError: nothing installed can open the URL.
        OSError: the storage failed for good.
    """
    folder = dataset if isinstance(dataset, DatasetFolder) else open_folder(dataset)
    with working(f"reading the manifest of {folder}"):
        manifest = folder.manifest()
    manifest.require_known(folder, f"built with {manifest.code.version}")
    check_platform()
    job = DatasetCheck(folder, manifest, source, _originals(folder, manifest, source))
    findings = Findings()
    n_rows = sum(shard.rows for shard in manifest.shards)
    # Rendering a row again counts as another row.
    with meter("verifying", max(n_rows * (1 if source is None else 2), 1)) as progress:
        results = run_units(Work(check_unit, job, _units(manifest), workers, progress.show))
        # Closed at once when interrupted, so that no worker outlives the command.
        with closing(results):
            for of_unit in results:
                findings.add(of_unit)
    return [
        *_file_problems(folder, manifest),
        *sorted(findings.problems),
        *_manifest_problems(manifest, findings),
        *_source_problems(job, findings),
    ]


def _originals(
    folder: DatasetFolder, manifest: Manifest, source: Source | None
) -> dict[str, RankedImage]:
    if source is None:
        return {}
    with working("listing the photographs"):
        selection = select(source.images(), manifest.subset, allow_short=True)
    fetch_originals(source, selection.images, folder)
    return {image.image_id: image for image in selection.images}


def _units(manifest: Manifest) -> list[tuple[Shard, ...]]:
    """Group the shards of the same photographs, clean first: they are checked together."""
    by_variant = [
        [shard for shard in manifest.shards if shard.variant == name] for name in manifest.variants
    ]
    return [
        tuple(shard for shard in shards if shard is not None) for shards in zip_longest(*by_variant)
    ]


def _file_problems(folder: DatasetFolder, manifest: Manifest) -> Iterator[str]:
    """Find shards that are not the manifest's, and descriptions that are not of this dataset."""
    listed = {shard.path for shard in manifest.shards}
    for path in folder.files("data"):
        if path not in listed:
            yield f"{folder.at(path)}: not in the manifest; remove it"
    cure = "run the same `imagenetq build` to write it again"
    try:
        # It gives `datasets` the configs, versions and counts.
        header = front_matter(folder.read(CARD_NAME).decode("utf-8"))
    except (OSError, ValueError):
        header = None
    if header != front_matter(card(manifest)):
        yield f"{folder.at(CARD_NAME)}: not this dataset's card; {cure}"
    # Older datasets have none.
    if folder.size(CROISSANT_NAME) is not None and not is_of(folder.read(CROISSANT_NAME), manifest):
        yield f"{folder.at(CROISSANT_NAME)}: not of this dataset; {cure}"


def _manifest_problems(manifest: Manifest, findings: Findings) -> list[str]:
    """List what the manifest says that the rows contradict."""
    classes_of = {line.image_id: line.wnid for line in findings.lines}
    bad = {note.image_id: note.wnid for note in manifest.bad_images}
    counts = Counter((classes_of | bad).values())
    per_class = SUBSETS[manifest.subset] or 0
    expected = {
        "dataset_version": DATASET_VERSION,
        "pixel_digest": pixel_digest(findings.lines),
        "images": len(classes_of),
        "classes_absent": tuple(wnid for wnid in classes.wnids() if wnid not in counts),
        "classes_short": {w: n for w, n in sorted(counts.items()) if n < per_class},
        "variants": {
            name: totals.summary(variant(name)) for name, totals in findings.variants.items()
        },
    }
    if CLEAN in manifest.variants:
        expected["source_digest"] = source_digest(findings.lines)
    problems = [
        f"{MANIFEST_NAME}: {name.replace('_', ' ')} is not what the rows give"
        for name, value in expected.items()
        if getattr(manifest, name) != value
    ]
    # Only the embedded photographs are a sample; other subsets have at most so many a class.
    is_sample = manifest.subset == Sample.default_subset
    if manifest.source != Sample.kind if is_sample else max(counts.values(), default=0) > per_class:
        problems.append(f"{MANIFEST_NAME}: subset is not what the rows give")
    return problems + [
        f"{MANIFEST_NAME}: {image_id} is called left out, but it is there"
        for image_id in sorted(bad.keys() & classes_of.keys())
    ]


def _source_problems(job: DatasetCheck, findings: Findings) -> list[str]:
    """List photographs of the source's subset that the dataset lacks without need."""
    if job.source is None:
        return []
    present = {line.image_id for line in findings.lines}
    left_out = {note.image_id for note in job.manifest.bad_images}
    problems = []
    for image in job.originals.values():
        if image.image_id in left_out:
            with suppress(BadImage):
                decode(job.source.read(image), image.name)
                problems.append(f"{image.name}: was left out as bad, but is good now")
        elif image.image_id not in present:
            problems.append(
                f"{image.name}: {image.image_id} belongs to the subset, but the dataset lacks it"
            )
    return problems
