"""Write cards as the Hub shows them: of a dataset, of a recipe, and of an unfinished upload."""

import re
from typing import Any

import yaml

from imagenetq.builder.card.card import front_matter, ladder_table, template
from imagenetq.hub import HubAddress
from imagenetq.manifest import Manifest

TITLE = "ImageNet-Q"

_INCOMPLETE = "INCOMPLETE-run-the-same-imagenetq-push-again"
_LOADING = re.compile(r'load_dataset\("\./imagenet-q", (.*)\)')
_GATE = ("extra_gated_heading", "extra_gated_prompt", "extra_gated_fields")


def tag_of(manifest: Manifest) -> str:
    """Name the tag of a dataset's version in a repository."""
    return f"v{manifest.dataset_version}"


def published_card(text: str, manifest: Manifest, address: HubAddress) -> str:
    """Make a folder's card name the repository and the version in its commands."""
    call = rf'load_dataset("{address.repository}", \1, revision="{tag_of(manifest)}")'
    data = f"--data hf:{address.repository}@{tag_of(manifest)}"
    return _LOADING.sub(call, text).replace("--data ./imagenet-q", data)


def recipe_card(manifest: Manifest, address: HubAddress) -> str:
    """Make the card of a recipe, of which `load_dataset` gives the table of hashes."""
    config = {
        "config_name": "pixels",
        "version": manifest.dataset_version,
        "description": f"build-{manifest.pixel_digest}",
        "data_files": [{"split": "test", "path": "pixels.parquet"}],
        "default": True,
    }
    rows = sum(shard.rows for shard in manifest.shards)
    body = _RECIPE.format(
        title=TITLE,
        version=manifest.dataset_version,
        subset=manifest.subset,
        images=manifest.images,
        variants=len(manifest.variants),
        rows=rows,
        pixel_digest=manifest.pixel_digest,
        source_digest=manifest.source_digest,
        specification_digest=manifest.specification_digest,
        repository=address.repository,
        tag=tag_of(manifest),
        ladder=ladder_table(),
    )
    # Without images there is nothing to gate.
    front = {k: v for k, v in front_matter(template()).items() if k not in _GATE}
    return _with_front_matter(front | {"configs": [config]}, body)


def placeholder_card(text: str) -> str:
    """Make a card that keeps `load_dataset` from opening an incomplete repository.

    Args:
        text: the card to come; of its front matter all that does not name data is kept, above
            all the gate.
    """
    front = {k: v for k, v in front_matter(text).items() if k != "dataset_info"}
    front["configs"] = [{"config_name": "incomplete", "data_files": _INCOMPLETE}]
    body = "This dataset is still being uploaded. Its tagged versions are complete.\n"
    return _with_front_matter(front, f"\n# {TITLE}\n\n{body}")


def is_ours(text: str) -> bool:
    """Tell whether a repository's card is of ImageNet-Q, or says nothing at all."""
    try:
        front = front_matter(text)
    except ValueError:
        return not text.strip()
    title = front.get("pretty_name") if isinstance(front, dict) else None
    # What the Hub's own form for a new repository leaves is front matter without a text.
    return title == TITLE or not text.split("---\n", maxsplit=2)[2].strip()


def _with_front_matter(front: dict[str, Any], body: str) -> str:
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---\n{body}"


_RECIPE = """
# {title}: the recipe

No image is in this repository: only what is needed to build {title} {version}, subset
`{subset}`, from the ImageNet validation photographs, and to prove that the pixels are the same:
{images} photographs in {variants} variants, {rows} pixel hashes.

- pixel digest `{pixel_digest}`
- source digest `{source_digest}`
- specification digest `{specification_digest}`

| file | holds |
|---|---|
| `manifest.json` | digests, subset, format, variants, library versions, shards as built |
| `croissant.json` | what this card says, for machines |
| `specification.json` | every distortion and level; its SHA-256 is the specification digest |
| `pixels.parquet` | a line a row: image id, wnid, rank, variant, SHA-256 of the RGB pixels |

```python
from datasets import load_dataset

load_dataset("{repository}", split="test", revision="{tag}")
```

{ladder}
"""
