"""`croissant.json`: MLCommons' own reader accepts it without a warning, and gives our rows."""

import json
import os
import re
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagenetq.builder import build, copy, open_source, verify
from imagenetq.builder.card.card import template
from imagenetq.builder.card.croissant import CROISSANT_NAME, croissant, recipe_croissant
from imagenetq.builder.folders import open_folder
from imagenetq.builder.recipe.pixel_table import PIXELS_NAME, pixel_table
from imagenetq.extras import missing
from imagenetq.hub import HubAddress
from imagenetq.manifest import MANIFEST_NAME, read_manifest
from imagenetq.provenance import code_commit
from imagenetq.record import pixel_sha256
from imagenetq.shards import READERS

ADDRESS = HubAddress("org/imagenet-q", None)
ONLY = ("clean", "jpeg-2", "jpeg-20", "jpeg2000-20", "contrast-0.5")

# mlcroissant calls what its dependencies deprecate, and leaves files open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Open a description with mlcroissant; every warning of its own is an error."""
    # It reads this when it is imported, and keeps what it extracts there for good.
    os.environ["CROISSANT_CACHE"] = str(tmp_path_factory.mktemp("croissant"))
    import mlcroissant

    def load(described: Path, **options: Any) -> Any:
        opened = mlcroissant.Dataset(described, **options)
        issues = opened.metadata.ctx.issues
        assert (issues.errors, issues.warnings) == (set(), set())
        return opened

    return load


@pytest.fixture(scope="module", params=["parquet", "webdataset"])
def folder(
    request: pytest.FixtureRequest,
    make_source: Load,
    tmp_path_factory: pytest.TempPathFactory,
    module_in_this_process: None,  # noqa: ARG001
) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    source = open_source(make_source(folder / "images", 2))
    options = {"subset": "mini", "only": ONLY, "workers": 1}
    build(source, folder / "q", format_name=request.param, **options)
    return folder / "q"


def stored(folder: Path, variant: str) -> list[dict[str, Any]]:
    """The rows of a variant, as the tool's own reader gives them."""
    manifest = read_manifest(folder)
    rows = []
    for shard in manifest.shards:
        if shard.variant == variant:
            with (folder / shard.path).open("rb") as file:
                rows += [row.fields for row in READERS[manifest.format](file, shard.path)]
    return sorted(rows, key=lambda row: row["image_id"])


def shown(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def loaded(records: Any) -> list[dict[str, Any]]:
    """What mlcroissant gives, by plain names, with the image as the hash of its pixels."""
    rows = []
    for record in records:
        row = {key.rpartition("/")[2]: shown(value) for key, value in record.items()}
        row["pixels"] = pixel_sha256(np.asarray(row.pop("image").convert("RGB")))
        row |= json.loads(row.pop("columns", "{}"))
        rows.append(row)
    return sorted(rows, key=lambda row: row["image_id"])


def require_rows(opened: Any, folder: Path, variant: str) -> None:
    if read_manifest(folder).format == "parquet":
        records = opened.records("images", filters={"images/variant": variant})
    else:
        records = opened.records(variant)
    rows, expected = loaded(records), stored(folder, variant)
    assert len(rows) == len(expected) == 2
    for row, columns in zip(rows, expected, strict=True):
        assert row["pixels"] == columns["pixel_sha256"]
        assert columns.items() <= row.items()


def test_a_built_folder_loads_with_our_rows(load: Load, folder: Path) -> None:
    opened = load(folder / CROISSANT_NAME)
    for variant in ("clean", "jpeg-2", "contrast-0.5"):
        require_rows(opened, folder, variant)


@pytest.mark.parametrize("folder", ["parquet"], indirect=True)
def test_every_row_loads_at_once_from_parquet(load: Load, folder: Path) -> None:
    rows = loaded(load(folder / CROISSANT_NAME).records("images"))
    assert {row["variant"] for row in rows} == set(ONLY)
    assert len(rows) == 2 * len(ONLY)


def test_a_published_one_loads_from_the_clone(load: Load, folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(folder)
    data = (folder / MANIFEST_NAME).read_bytes()
    place = tmp_path / CROISSANT_NAME
    place.write_bytes(croissant(manifest, data, ADDRESS))
    files = {node["@id"]: node for node in json.loads(place.read_text())["distribution"]}
    assert files["repository"]["contentUrl"].endswith("org/imagenet-q/tree/refs%2Ftags%2Fv1.0.0")
    here = {"repository": folder} | {
        name: folder / name for name in files if (folder / name).is_file()
    }
    opened = load(place, mapping=here)
    require_rows(opened, folder, "jpeg2000-20")


@pytest.mark.parametrize("folder", ["webdataset"], indirect=True)
def test_many_tars_are_described_by_their_pattern(load: Load, folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(folder)
    many = tuple(
        shard.model_copy(update={"path": re.sub(r"\d{5}", f"{number:05d}", shard.path)})
        for shard in manifest.shards
        for number in range(30)
    )
    place = tmp_path / CROISSANT_NAME
    place.write_bytes(croissant(manifest.model_copy(update={"shards": many}), b"{}"))
    assert place.stat().st_size < 100_000
    opened = load(place)
    assert set(ONLY) <= {records.id for records in opened.metadata.record_sets}


def test_a_recipe_gives_its_hashes(load: Load, folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(folder)
    files = {
        PIXELS_NAME: pixel_table(open_folder(folder), manifest),
        MANIFEST_NAME: (folder / MANIFEST_NAME).read_bytes(),
    }
    place = tmp_path / CROISSANT_NAME
    place.write_bytes(recipe_croissant(manifest, files, ADDRESS))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    opened = load(place, mapping={name: tmp_path / name for name in files})
    rows = [
        {key.partition("/")[2]: shown(value) for key, value in record.items()}
        for record in opened.records("pixels")
    ]
    names = ("image_id", "wnid", "rank", "pixel_sha256")
    expected = [
        {name: row[name] for name in names} | {"variant": variant}
        for variant in manifest.variants
        for row in stored(folder, variant)
    ]
    order = lambda row: (row["variant"], row["image_id"])  # noqa: E731
    assert sorted(rows, key=order) == sorted(expected, key=order)
    # What was fetched is compared with the hash that the description gives.
    (tmp_path / PIXELS_NAME).write_bytes(files[PIXELS_NAME][:-1] + b"x")
    opened = load(place, mapping={name: tmp_path / name for name in files})
    with pytest.raises(Exception, match=re.escape(f"Download({PIXELS_NAME})")) as refused:
        list(opened.records("pixels"))
    assert "is not identical" in str(refused.value.__cause__)


def test_it_answers_what_is_asked_about_responsible_use(folder: Path) -> None:
    described = json.loads((folder / CROISSANT_NAME).read_text(encoding="utf-8"))
    text = re.sub(
        r"\]\(([^)]*)\)|[`[]", lambda link: f" ({link[1]})" if link[1] else "", template()
    )
    card = " ".join(text.split())
    for name in (
        *("dataLimitations", "dataBiases", "personalSensitiveInformation", "dataUseCases"),
        *("dataSocialImpact", "dataCollection", "dataReleaseMaintenancePlan"),
    ):
        answer = described[f"rai:{name}"]
        for statement in [answer] if isinstance(answer, str) else answer:
            assert len(statement) > 40
            assert statement in re.sub(r" - ", " ", card)
    manifest = read_manifest(folder)
    assert described["rai:hasSyntheticData"] is True
    assert manifest.source_digest in described["prov:wasDerivedFrom"]["prov:label"]
    assert f"imagenetq {manifest.code.version}" in described["prov:wasGeneratedBy"]["prov:label"]
    assert described["identifier"] == manifest.pixel_digest
    assert "@misc{imagenetq," in described["citeAs"]


@pytest.mark.parametrize("folder", ["parquet"], indirect=True)
def test_metadata_of_another_installation_first_on_the_path_changes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_commit()
    stale = tmp_path / "imagenetq.egg-info"
    stale.mkdir()
    (stale / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: imagenetq\nVersion: 0.0.1\n"
        "Project-URL: Repository, https://example.org/another\n"
    )
    (stale / "direct_url.json").write_text(json.dumps({"vcs_info": {"commit_id": "0" * 40}}))
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    assert metadata.version("imagenetq") == "0.0.1"
    data = (folder / MANIFEST_NAME).read_bytes()
    assert croissant(read_manifest(folder), data) == (folder / CROISSANT_NAME).read_bytes()
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert (
        json.loads(croissant(read_manifest(folder), data))["url"] == project["urls"]["Repository"]
    )
    code_commit.cache_clear()
    assert code_commit() == before
    assert "pip install 'imagenetq[ray]'" in str(missing("ray"))


def test_older_datasets_lack_it_and_a_copy_gets_one(folder: Path, tmp_path: Path) -> None:
    before = (folder / CROISSANT_NAME).read_bytes()
    try:
        (folder / CROISSANT_NAME).unlink()
        assert verify(folder) == []
        copy(folder, (tmp_path / "copy").as_uri(), workers=1)
        assert (tmp_path / "copy" / CROISSANT_NAME).read_bytes() == before
        for damaged in (
            b"{",
            before.replace(b'"identifier": "', b'"identifier": "0'),
            b"[" * 10**5,
        ):
            (folder / CROISSANT_NAME).write_bytes(damaged)
            (problem,) = verify(folder)
            assert problem.startswith(f"{folder / CROISSANT_NAME}: not of this dataset; ")
    finally:
        (folder / CROISSANT_NAME).write_bytes(before)
