"""Write dataset cards, the READMEs of a folder and of a repository, from templates and a manifest.

`load_dataset` reads its configs from the card's front matter, so the card is what makes a folder of
shards a dataset.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.shards import shard_format
from imagenetq.files import write_whole
from imagenetq.hub import HubAddress
from imagenetq.manifest import Manifest
from imagenetq.specification import CLEAN, LADDERS, select_variants

if TYPE_CHECKING:
    from jinja2 import Template

CARD_NAME = "README.md"
PREVIEW_NAME = "preview.jpg"
"""Picture that the card shows: every variant of one openly licensed photograph."""

TITLE = "ImageNet-Q"
AUTHORS = "The ImageNet-Q authors"
YEAR = 2026

_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_SHOWN = ("blur-3", "jpeg-10")
"""Variants of which the loading lines show the first that the dataset has."""


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
    text = "This dataset is still being built. Run the same `imagenetq build` again to go on.\n"
    folder.write(CARD_NAME, _with_front_matter(_incomplete("build"), f"\n{text}").encode())


def placeholder_card(text: str) -> str:
    """Make a card that keeps `load_dataset` from opening an incomplete repository.

    Of the front matter of the card to come all that does not name data is kept, above all the gate.
    """
    front = {k: v for k, v in front_matter(text).items() if k != "dataset_info"}
    body = "This dataset is still being uploaded. Its tagged versions are complete.\n"
    return _with_front_matter(front | _incomplete("push"), f"\n# {TITLE}\n\n{body}")


def card(manifest: Manifest) -> str:
    """Make the text of a folder's card."""
    n_rows = sum(summary.rows for summary in manifest.variants.values())
    limits = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K"}
    categories = (name for limit, name in limits.items() if n_rows < limit)
    front, body = _parts(template())
    front |= {
        "size_categories": [next(categories, "100K<n<1M")],
        "configs": configs(manifest),
        "dataset_info": [
            {"config_name": name, "splits": [_split(manifest, members)]}
            for name, members in config_variants(manifest).items()
        ],
    }
    names = ("identity", "storage", "sizes", "provenance", "citation")
    sections = {name: _rendered(name, manifest=manifest) for name in names} | {
        "preview": _rendered("preview", preview=PREVIEW_NAME),
        "ladder": ladder_table(),
        **_commands(manifest),
    }
    return _with_front_matter(front, fill(body, sections))


def published_card(text: str, manifest: Manifest, address: HubAddress) -> str:
    """Make a folder's card name the repository and the version in its commands."""
    return fill(text, _commands(manifest, address))


def recipe_card(manifest: Manifest, address: HubAddress) -> str:
    """Make the card of a recipe, of which `load_dataset` gives the table of hashes."""
    config = {
        "config_name": "pixels",
        "version": manifest.dataset_version,
        "description": f"build-{manifest.pixel_digest}",
        "data_files": [{"split": "test", "path": "pixels.parquet"}],
        "default": True,
    }
    # Without images there is nothing to gate.
    front = {k: v for k, v in front_matter(template()).items() if not k.startswith("extra_gated_")}
    body = _rendered("recipe", manifest=manifest, **_where(manifest, address))
    return _with_front_matter(front | {"configs": [config]}, f"{body}\n")


def fill(text: str, sections: Mapping[str, str]) -> str:
    """Put generated text between its markers; sections that are not given stay as they are."""

    def replace(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}{sections[name]}\n{end}" if name in sections else match.group()

    return _SECTION.sub(replace, text)


def ladder_table() -> str:
    """Make a Markdown table of the five distortions and their rungs."""
    return _rendered("ladder")


def provenance(manifest: Manifest) -> str:
    """Say what a dataset was built from, and by what."""
    return _rendered("provenance", manifest=manifest)


def citation(manifest: Manifest) -> str:
    """Make the BibTeX entry of a dataset."""
    return _rendered("bibtex", manifest=manifest)


def terms() -> str:
    """Give ImageNet's terms of access in one paragraph, as the card states them to its readers."""
    front = front_matter(template())
    text = f"{front['extra_gated_heading']}. {front['extra_gated_prompt']}"
    return textwrap.fill(" ".join(text.split()), 79)


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
                {"split": "test", "path": [f"data/{variant}/{glob}" for variant in members]}
            ],
        }
        | ({"default": True} if index == 0 else {})
        for index, (name, members) in enumerate(config_variants(manifest).items())
    ]


def _split(manifest: Manifest, members: Sequence[str]) -> dict[str, Any]:
    summaries = [manifest.variants[member] for member in members]
    n_bytes = sum(summary.image_bytes for summary in summaries)
    n_rows = sum(summary.rows for summary in summaries)
    return {"name": "test", "num_bytes": n_bytes, "num_examples": n_rows}


def _commands(manifest: Manifest, address: HubAddress | None = None) -> dict[str, str]:
    """Make the sections whose commands name a repository's dataset, or that of a folder."""
    names = list(config_variants(manifest))
    shown = next((name for name in _SHOWN if name in manifest.variants), names[-1])
    last = sum(shard.variant == shown for shard in manifest.shards) - 1
    context = {"manifest": manifest, "configs": names, "shown": shown, "last": last}
    context |= _where(manifest, address)
    return {name: _rendered(name, **context) for name in ("loading", "evaluating")}


def _where(manifest: Manifest, address: HubAddress | None) -> dict[str, str]:
    """Name the dataset as `load_dataset`, with what else it is given, WebDataset and `--data` do.

    WebDataset streams a repository's tars by `hf://`.
    """
    if address is None:
        return {"revision": ""} | dict.fromkeys(("path", "tars", "data"), "./imagenet-q")
    return {
        "path": address.repository,
        "revision": f', revision="{manifest.tag}"',
        "tars": f"hf://datasets/{address.repository}@{manifest.tag}",
        "data": f"{address}@{manifest.tag}",
    }


@cache
def _sections() -> "Template":
    """Read the template of generated text, whose blocks are called as the card's sections."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("imagenetq.builder.card", ""),
        autoescape=select_autoescape(),  # none in Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    ).get_template("sections.md")


def _rendered(block: str, **context: object) -> str:
    """Render a block of the template of generated text."""
    facts = {"title": TITLE, "authors": AUTHORS, "year": YEAR, "ladders": LADDERS, **context}
    sections = _sections()
    return "".join(sections.blocks[block](sections.new_context(facts))).removesuffix("\n")


def is_ours(text: str) -> bool:
    """Tell whether a repository's card is of ImageNet-Q, or says nothing at all."""
    try:
        front, body = _parts(text)
    except ValueError:
        return not text.strip()
    title = front.get("pretty_name") if isinstance(front, dict) else None
    # What the Hub's own form for a new repository leaves is front matter without a text.
    return title == TITLE or not body.strip()


def front_matter(text: str) -> Any:
    """Read the YAML between a card's first two lines of dashes; `ValueError` if there is none."""
    return _parts(text)[0]


def _parts(text: str) -> tuple[Any, str]:
    before, *parts = text.split("---\n", maxsplit=2)
    if len(parts) < 2 or before:
        raise ValueError("no front matter")
    try:
        return yaml.safe_load(parts[0]), parts[1]
    except yaml.YAMLError as error:
        raise ValueError("its front matter is no YAML") from error


def _with_front_matter(front: dict[str, Any], body: str) -> str:
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---\n{body}"


def _incomplete(command: str) -> dict[str, Any]:
    """Make the `configs` of a card whose dataset must not be opened yet."""
    missing = f"INCOMPLETE-run-the-same-imagenetq-{command}-again"
    return {"configs": [{"config_name": "incomplete", "data_files": missing}]}
