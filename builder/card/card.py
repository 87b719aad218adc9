"""Write the dataset card, a folder's README, from template, specification and manifest.

`load_dataset` reads its configs from the card's front matter, so the card is what makes a folder of
shards a dataset.
"""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import shard_format
from imagenetq.files import write_whole
from imagenetq.manifest import Manifest, VariantSummary
from imagenetq.specification import CLEAN, LADDERS, select_variants

CARD_NAME = "README.md"
PREVIEW_NAME = "preview.jpg"
"""Picture that the card shows: every variant of one openly licensed photograph."""

AUTHORS = "The ImageNet-Q authors"
YEAR = 2026

_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_SPLIT = "test"
_SHOWN = ("blur-3", "jpeg-10")
"""Variants of which the loading lines show the first that the dataset has."""

_SIZE_CATEGORIES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGEST_CATEGORY = "100K<n<1M"
_INCOMPLETE = "INCOMPLETE-run-the-same-imagenetq-build-again"


def template() -> str:
    """Read the card's template."""
    return files("imagenetq.builder").joinpath("dataset_card.md").read_text(encoding="utf-8")


def preview() -> bytes:
    """Read the picture that the card shows."""
    return files("imagenetq.builder").joinpath(PREVIEW_NAME).read_bytes()


def refresh_template(path: Path) -> None:
    """Write the table of the specification's ladder into the template itself."""
    text = path.read_text(encoding="utf-8")
    write_whole(path, fill(text, {"ladder": ladder_table()}).encode())


def write_card(folder: DatasetFolder, manifest: Manifest) -> None:
    """Write the card of a complete dataset, and the picture that it shows."""
    folder.write(PREVIEW_NAME, preview())
    folder.write(CARD_NAME, card(manifest).encode())


def write_placeholder(folder: DatasetFolder) -> None:
    """Write a card that keeps `load_dataset` from opening an unfinished folder."""
    front = {"configs": [{"config_name": "incomplete", "data_files": _INCOMPLETE}]}
    text = "This dataset is still being built. Run the same `imagenetq build` again to go on.\n"
    folder.write(CARD_NAME, _with_front_matter(front, f"\n{text}").encode())


def card(manifest: Manifest) -> str:
    """Make the text of a dataset's card."""
    _, _, body = template().split("---\n", maxsplit=2)
    n_rows = sum(summary.rows for summary in manifest.variants.values())
    head = front_matter(template()) | {
        "size_categories": [_size_category(n_rows)],
        "configs": configs(manifest),
        "dataset_info": _split_counts(manifest),
    }
    sections = {
        "preview": f"![Every variant of one photograph]({PREVIEW_NAME})",
        "identity": _identity(manifest),
        "loading": _loading(manifest),
        "evaluating": _evaluating(manifest),
        "ladder": ladder_table(),
        "storage": _storage(manifest),
        "sizes": _sizes(manifest),
        "provenance": provenance(manifest),
        "citation": f"```bibtex\n{citation(manifest)}\n```",
    }
    return _with_front_matter(head, fill(body, sections))


def fill(text: str, sections: dict[str, str]) -> str:
    """Put generated text between its markers; sections that are not given stay as they are."""

    def replace(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}{sections[name]}\n{end}" if name in sections else match.group()

    return _SECTION.sub(replace, text)


def ladder_table() -> str:
    """Make a Markdown table of the five distortions and their rungs."""
    rows = [
        f"| `{ladder.distortion}` | {ladder.parameter} | "
        f"{', '.join(str(value) for value in ladder.values)} |"
        for ladder in LADDERS
    ]
    return "\n".join(["| distortion | parameter | mild to strong |", "|---|---|---|", *rows])


def config_variants(manifest: Manifest) -> dict[str, list[str]]:
    """Give each config's name and the variants in it, the default one first.

    A WebDataset config spans one kind of member only (mixed ones lose images in `datasets`), so tar
    shards have no config `all`.
    """
    names = list(manifest.variants)
    families: dict[str, list[str]] = {}
    for variant in select_variants(names):
        families.setdefault(variant.distortion, []).append(variant.name)
    everything = {"all": names} if manifest.format == "parquet" else {}
    return families | {name: [name] for name in names if name != CLEAN} | everything


def configs(manifest: Manifest) -> list[dict[str, Any]]:
    """Make the card's `configs`.

    Version and digest are in each, because `datasets` caches by them. Without them it would go on
    serving the old rows after a folder was rebuilt.
    """
    glob = shard_format(manifest.format).glob
    return [
        {
            "config_name": name,
            "version": manifest.dataset_version,
            "description": f"build-{manifest.pixel_digest}",
            "data_files": [
                {"split": _SPLIT, "path": [f"data/{variant}/{glob}" for variant in members]}
            ],
        }
        | ({"default": True} if place == 0 else {})
        for place, (name, members) in enumerate(config_variants(manifest).items())
    ]


def _split_counts(manifest: Manifest) -> list[dict[str, Any]]:
    counts = []
    for name, members in config_variants(manifest).items():
        summaries = [manifest.variants[member] for member in members]
        n_bytes = sum(summary.image_bytes for summary in summaries)
        n_rows = sum(summary.rows for summary in summaries)
        split = {"name": _SPLIT, "num_bytes": n_bytes, "num_examples": n_rows}
        counts.append({"config_name": name, "splits": [split]})
    return counts


def _size_category(n_rows: int) -> str:
    return next((name for limit, name in _SIZE_CATEGORIES if n_rows < limit), _LARGEST_CATEGORY)


def _identity(manifest: Manifest) -> str:
    lines = [
        f"- version {manifest.dataset_version}, subset `{manifest.subset}`: {manifest.images} "
        f"photographs, {len(manifest.variants)} variants, {manifest.format} shards",
        f"- pixel digest `{manifest.pixel_digest}`",
        f"- source digest `{manifest.source_digest}`",
        f"- specification digest `{manifest.specification_digest}`",
    ]
    if manifest.classes_absent:
        lines.append(f"- {len(manifest.classes_absent)} of the 1,000 classes have no photograph")
    if manifest.classes_short:
        lines.append(
            f"- {len(manifest.classes_short)} classes have fewer photographs than the rest"
        )
    if manifest.bad_images:
        lines.append(f"- {len(manifest.bad_images)} unreadable photographs were left out")
    return "\n".join(lines)


def _loading(manifest: Manifest) -> str:
    names = list(config_variants(manifest))
    distorted = next((name for name in _SHOWN if name in manifest.variants), names[-1])
    lines = [
        "```python",
        "from datasets import load_dataset",
        "",
        f'load_dataset("./imagenet-q", "{names[0]}", split="{_SPLIT}")',
        f'load_dataset("./imagenet-q", "{distorted}", split="{_SPLIT}", streaming=True)',
    ]
    if manifest.format == "webdataset":
        shards = [shard.path for shard in manifest.shards if shard.variant == distorted]
        last = len(shards) - 1
        lines += [
            "",
            "import webdataset as wds",
            "",
            f'wds.WebDataset("./imagenet-q/data/{distorted}/test-{{00000..{last:05d}}}.tar", '
            "shardshuffle=False)",
        ]
    lines += ["```", "", f"Configs: {', '.join(f'`{name}`' for name in names)}."]
    return "\n".join(lines)


def _evaluating(manifest: Manifest) -> str:
    if CLEAN not in manifest.variants:
        # Relative scores need the clean images.
        return "Built without its clean images, which `imagenetq eval` needs."
    command = "imagenetq eval --model timm/resnet50 --data ./imagenet-q"
    return f"With `imagenetq` and its extra `[eval]` installed:\n\n```sh\n{command}\n```"


def _storage(manifest: Manifest) -> str:
    clean = (
        "the original files (with an orientation tag, if any, set to upright in place)"
        if manifest.clean_extension == "jpg"
        else "lossless WebP, because not all photographs are JPEG files"
    )
    return (
        f"`jpeg` and `jpeg2000` rows are real codestreams; `clean` rows are {clean}; all others "
        "are lossless WebP."
    )


def _sizes(manifest: Manifest) -> str:
    rows = [_size_row(name, summary) for name, summary in manifest.variants.items()]
    total = sum(summary.image_bytes for summary in manifest.variants.values())
    return "\n".join(
        [
            "| variant | images | mean bytes | mean PSNR, dB | off target by > 1 dB | uniform |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"All image files together: {total / 1e9:.3f} GB.",
        ]
    )


def _size_row(name: str, summary: VariantSummary) -> str:
    mean_bytes = summary.image_bytes // max(summary.rows, 1)
    psnr = "" if summary.mean_psnr is None else f"{summary.mean_psnr:.2f}"
    off_target = "" if summary.off_target is None else str(summary.off_target)
    return (
        f"| `{name}` | {summary.rows} | {mean_bytes} | {psnr} | {off_target} | {summary.uniform} |"
    )


def provenance(manifest: Manifest) -> str:
    """Say what a dataset was built from, and by what."""
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    code = f"imagenetq {manifest.code.version}"
    commit = f" (commit `{manifest.code.commit}`)" if manifest.code.commit else ""
    return f"Source: {manifest.source}. Built by {code}{commit} with {versions}."


def citation(manifest: Manifest) -> str:
    """Make the BibTeX entry of a dataset."""
    return "\n".join(
        [
            "@misc{imagenetq,",
            "  title  = {{ImageNet-Q: How Image Quality Affects Image Classifiers}},",
            f"  author = {{{{{AUTHORS}}}}},",
            f"  year   = {{{YEAR}}},",
            f"  note   = {{Version {manifest.dataset_version}, subset {manifest.subset}, "
            f"pixel digest {manifest.pixel_digest}}}",
            "}",
        ]
    )


def front_matter(text: str) -> Any:
    """Read the YAML between a card's first two lines of dashes.

    Raises:
        ValueError: there is none, or it is no YAML.
    """
    parts = text.split("---\n", maxsplit=2)
    if len(parts) < 3 or parts[0]:
        raise ValueError("no front matter")
    try:
        return yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise ValueError("its front matter is no YAML") from error


def _with_front_matter(front_matter: dict[str, Any], body: str) -> str:
    front = yaml.safe_dump(front_matter, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{front}---\n{body}"
