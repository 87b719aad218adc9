"""Recipes: what it takes to build the same pixels, and to prove it, without an image."""

import hashlib
import io
import json
import subprocess
import sys

import pytest
from pyarrow import parquet

from imagenetq.builder import build, open_source
from imagenetq.builder.folders import open_folder
from imagenetq.builder.recipe.pixel_table import pixel_table, read_pixel_table
from imagenetq.errors import FolderError
from imagenetq.manifest import Manifest, read_manifest
from imagenetq.specification import specification_digest
from no_workers import no_workers

FILES = {
    *(".gitattributes", "README.md", "croissant.json", "manifest.json"),
    *("pixels.parquet", "specification.json"),
}


def table_of(folder, **changes) -> bytes:
    return pixel_table(open_folder(folder), read_manifest(folder).model_copy(update=changes))


@pytest.fixture(scope="module")
def tars(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tars") / "q"
    only = ["clean", "noise-50"]
    with no_workers():
        build(open_source(source), folder, subset="mini", only=only, format_name="webdataset")
    return folder


def test_a_recipe_says_all_and_holds_no_image(hub, client, built) -> None:
    pushed = client.push(built, recipe_only=True)
    assert (pushed["private"], pushed["gated"], pushed["was_there"]) == (True, None, False)
    assert pushed["loading"] == 'load_dataset("org/q", revision="v1.0.0")'
    files = {path: file.content for path, file in hub.repositories["org/q"].files("v1.0.0").items()}
    assert set(files) == FILES
    digest = hashlib.sha256(files["specification.json"]).hexdigest()
    assert digest == specification_digest()
    manifest = Manifest.model_validate_json(files["manifest.json"])
    assert manifest == read_manifest(built)
    rows = read_pixel_table(files["pixels.parquet"], manifest)
    assert len(rows) == 6 * 8
    assert {row["variant"] for row in rows} == set(manifest.variants)
    assert list(rows[0]) == ["image_id", "wnid", "rank", "variant", "pixel_sha256"]
    stored = [
        row
        for shard in manifest.shards
        for row in parquet.read_table(
            built / shard.path, columns=["image_id", "wnid", "rank", "pixel_sha256"]
        ).to_pylist()
    ]
    assert [{k: v for k, v in row.items() if k != "variant"} for row in rows] == stored
    assert b"gated" not in files["README.md"]
    described = json.loads(files["croissant.json"])
    stated = {node["@id"]: node["sha256"] for node in described["distribution"]}
    assert stated == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name in {"manifest.json", "pixels.parquet", "specification.json"}
    }

    assert client.push(built, recipe_only=True) == pushed | {"was_there": True}
    failed = client.push(built)
    assert failed["message"].startswith("hf:org/q has v1.0.0 as the recipe alone; push this under")


@pytest.mark.usefixtures("hub")
def test_a_recipe_may_be_public(client, built) -> None:
    pushed = client.push(built, recipe_only=True, public=True)
    assert (pushed["private"], pushed["gated"]) == (False, None)
    code = (
        "from datasets import load_dataset; import json; "
        'print(json.dumps(load_dataset("org/q", revision="v1.0.0")["test"][0]))'
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=client.environment, capture_output=True, text=True
    )
    row = json.loads(loaded.stdout.splitlines()[-1])
    assert row["variant"] == "clean"
    assert row["rank"] == 0
    failed = client.do("read", spec="hf:org/q@v1.0.0", token="")
    assert "missing; copy or build the dataset again" in failed["message"]
    # A push that does not say so hides nothing.
    assert client.push(built, recipe_only=True)["private"] is False


def test_tars_give_the_same_table(built, tars) -> None:
    from_tars = read_pixel_table(table_of(tars), read_manifest(tars))
    from_parquet = read_pixel_table(table_of(built), read_manifest(built))
    assert from_tars == [row for row in from_parquet if row["variant"] in ("clean", "noise-50")]


def test_the_table_is_the_same_bytes_each_time(built) -> None:
    assert table_of(built) == table_of(built)


@pytest.mark.parametrize("damage", ["other pixels", "cut", "other columns", "unknown variant"])
def test_a_table_that_does_not_fit_its_manifest_is_refused(built, damage) -> None:
    manifest = read_manifest(built)
    data = table_of(built)
    table = parquet.read_table(io.BytesIO(data))
    buffer = io.BytesIO()
    if damage == "cut":
        buffer.write(data[:-20])
    elif damage == "other columns":
        parquet.write_table(table.drop_columns(["wnid"]), buffer)
    elif damage == "unknown variant":
        variants = ["blur-99"] * table.num_rows
        parquet.write_table(table.set_column(3, "variant", [variants]), buffer)
    else:
        parquet.write_table(table.slice(1), buffer)
    with pytest.raises(FolderError, match="damaged, or not of the dataset that the manifest"):
        read_pixel_table(buffer.getvalue(), manifest)


def test_rows_that_changed_since_are_not_published(built, tars) -> None:
    with pytest.raises(FolderError, match="changed while it was read; verify it and push again"):
        table_of(tars, pixel_digest="0" * 64)
    del built
