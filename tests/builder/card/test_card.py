"""The card: its generated parts agree with the code, its front matter with the Hub's rules."""

import io
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard
from PIL import Image

from imagenetq.builder import build, open_source
from imagenetq.builder.card.card import PREVIEW_NAME, card, fill, ladder_table, preview, template
from imagenetq.manifest import Manifest, read_manifest
from imagenetq.record import features
from imagenetq.specification import scored_variants, variants


@pytest.fixture(scope="module")
def manifest(
    make_source, module_in_this_process, tmp_path_factory: pytest.TempPathFactory
) -> Manifest:
    del module_in_this_process
    folder = tmp_path_factory.mktemp("card")
    source = open_source(make_source(folder / "images", 4))
    build(source, folder / "q", subset="mini")
    assert (folder / "q" / PREVIEW_NAME).read_bytes() == preview()
    assert (folder / "q" / "README.md").read_text() == card(read_manifest(folder / "q"))
    return read_manifest(folder / "q")


def test_the_committed_template_shows_the_ladder() -> None:
    assert f"<!-- generated: ladder -->\n{ladder_table()}\n<!-- /generated -->" in template()
    committed = Path(__file__).parents[3] / "dataset_card.md"
    assert template() == committed.read_text(encoding="utf-8")


def test_the_committed_card_shows_the_picture_of_the_readme() -> None:
    root = Path(__file__).parents[3]
    (shown,) = re.findall(r"!\[[^]]*\]\(([^)]*)\)", template())
    assert (root / shown).read_bytes() == preview()
    assert f"]({shown})" in (root / "README.md").read_text(encoding="utf-8")


def test_every_section_of_the_template_is_one_that_is_filled(manifest: Manifest) -> None:
    names = re.findall(r"<!-- generated: (\w+) -->", template())
    assert len(names) == len(set(names))
    filled = dict(re.findall(r"<!-- generated: (\w+) -->\n(.*?)<!--", card(manifest), re.DOTALL))
    assert list(filled) == names
    empty = dict(re.findall(r"<!-- generated: (\w+) -->\n(.*?)<!--", template(), re.DOTALL))
    assert [name for name in names if filled[name] == empty[name]] == ["ladder"]


def test_the_numbers_of_the_text_are_the_specifications() -> None:
    text = " ".join(template().split())
    assert f"{len(variants()) - 1} levels in all" in text
    assert f"the other {len(scored_variants())} variants" in text
    unscored = {v.name for v in variants()} - {v.name for v in scored_variants()} - {"clean"}
    assert all(f"`{name}` is " in text or f"`{name}` uniform" in text for name in unscored)


def test_a_folder_has_the_picture_and_the_commands(manifest: Manifest) -> None:
    text = card(manifest)
    assert f"]({PREVIEW_NAME})" in text
    with Image.open(io.BytesIO(preview())) as picture:
        assert picture.format == "JPEG"
    assert "imagenetq eval --model timm/resnet50 --data ./imagenet-q" in text
    assert all(f"{name} {version}" in text for name, version in manifest.versions.items())
    assert "@misc{imagenetq," in text
    assert "@inproceedings{dodge2016understanding," in text
    assert f"pixel digest {manifest.pixel_digest}}}" in text
    without_clean = {name: s for name, s in manifest.variants.items() if name != "clean"}
    shards = tuple(shard for shard in manifest.shards if shard.variant != "clean")
    other = manifest.model_copy(update={"variants": without_clean, "shards": shards})
    assert "imagenetq eval --model" not in card(other)


def test_every_loading_line_names_a_config(manifest: Manifest) -> None:
    for format_name in ("parquet", "webdataset"):
        text = card(manifest.model_copy(update={"format": format_name}))
        named = re.findall(r'load_dataset\("\./imagenet-q", "([^"]+)"', text)
        configs = yaml.safe_load(text.split("---\n")[1])["configs"]
        assert named == ["clean", "blur-3"]
        assert set(named) <= {config["config_name"] for config in configs}
        assert ("wds.WebDataset(" in text) == (format_name == "webdataset")


def test_every_column_is_explained() -> None:
    table = template().split("## Columns")[1].split("## ")[0]
    assert all(f"`{column}`" in table for column in features())


def test_all_sections_are_filled(manifest: Manifest) -> None:
    text = card(manifest)
    assert "stand here once" not in text
    assert manifest.pixel_digest in text
    assert f"| `jpeg-10` | 4 | {manifest.variants['jpeg-10'].image_bytes // 4} |" in text


def test_front_matter_is_what_the_hub_expects(manifest: Manifest) -> None:
    data = DatasetCard(card(manifest)).data.to_dict()
    assert (data["license"], data["license_name"]) == ("other", "imagenet")
    assert "terms of access" in data["extra_gated_prompt"]
    assert data["size_categories"] == ["n<1K"]
    configs = {config["config_name"]: config for config in data["configs"]}
    assert len(configs) == len(data["configs"]) == 58
    assert [name for name, config in configs.items() if config.get("default")] == ["clean"]
    for config in configs.values():
        assert config["version"] == manifest.dataset_version
        assert config["description"] == f"build-{manifest.pixel_digest}"
    counts = {info["config_name"]: info["splits"][0] for info in data["dataset_info"]}
    assert counts["all"]["num_examples"] == 4 * 52
    assert not any("features" in info for info in data["dataset_info"])


def test_tar_configs_have_one_member_type_each(manifest: Manifest) -> None:
    tars = manifest.model_copy(update={"format": "webdataset"})
    front = yaml.safe_load(card(tars).split("---\n")[1])
    names = [config["config_name"] for config in front["configs"]]
    assert "all" not in names
    assert len(names) == 57


def test_fill_leaves_other_text_alone() -> None:
    text = "a\n<!-- generated: x -->\nold\n<!-- /generated -->\nb"
    assert fill(text, {"x": "new"}) == "a\n<!-- generated: x -->\nnew\n<!-- /generated -->\nb"
    assert fill(text, {"y": "new"}) == text
