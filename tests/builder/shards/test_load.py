"""What readers get: `datasets` and `webdataset` open the folders, and the pixels match."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagenetq import classes, variants
from imagenetq.builder import build, open_source

# webdataset leaves it to the garbage collector to close its tars.
tars_left_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

EVERY_KIND = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-28"]


@pytest.fixture(scope="module")
def odd_source(photograph: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEG originals of every kind that ImageNet has: grey, CMYK, rotated by Exif and by XMP."""
    folder = tmp_path_factory.mktemp("odd") / "images"
    small = photograph.crop((150, 100, 215, 147))
    exif = Image.Exif()
    exif[0x0112] = 6
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="8"/></rdf:RDF></x:xmpmeta>'
    )
    kinds = [
        (small, {}),
        (small.convert("L"), {}),
        (small.convert("CMYK"), {}),
        (small, {"exif": exif}),
        (small, {"xmp": xmp}),
    ]
    for wnid, (image, options) in zip(classes.wnids(), kinds, strict=False):
        path = folder / wnid / f"{wnid}_1.JPEG"
        path.parent.mkdir(parents=True)
        image.save(path, "JPEG", **options)
    return folder


@pytest.fixture(scope="module")
def odd(odd_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("odd") / "imagenet-q"
    build(open_source(odd_source), out, subset="mini")
    return out


@pytest.fixture(scope="module")
def odd_tars(odd_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tars") / "imagenet-q"
    build(open_source(odd_source), out, subset="mini", format_name="webdataset")
    return out


def pixel_hash(image: Image.Image) -> str:
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


@pytest.mark.parametrize("streaming", [False, True])
def test_every_row_decodes_to_its_hash(odd: Path, tmp_path: Path, *, streaming: bool) -> None:
    from datasets import load_dataset

    rows = load_dataset(str(odd), "all", split="test", streaming=streaming, cache_dir=str(tmp_path))
    count = 0
    for row in rows:
        assert row["image"].mode == "RGB"
        assert row["image"].size == (row["width"], row["height"]) == (65, 47)
        assert pixel_hash(row["image"]) == row["pixel_sha256"], (row["image_id"], row["parameter"])
        count += 1
    assert count == 5 * 52


def test_columns_types_and_values(odd: Path, tmp_path: Path) -> None:
    from datasets import ClassLabel, load_dataset

    rows = load_dataset(str(odd), "contrast-0.3", split="test", cache_dir=str(tmp_path))
    assert rows.features["label"] == ClassLabel(names=list(classes.names()))
    assert rows.features["image"].mode == "RGB"
    assert rows.filter(lambda row: row["value"] == 0.3).num_rows == 5
    first = rows[0]
    assert classes.wnids()[first["label"]] == first["wnid"]
    assert (first["distortion"], first["level"], first["parameter"]) == ("contrast", 8, "factor")
    samples = first["width"] * first["height"] * 3
    assert first["psnr"] == pytest.approx(10 * np.log10(255**2 * samples / first["sse"]), abs=1e-4)
    clean = load_dataset(str(odd), split="test", cache_dir=str(tmp_path))[0]
    assert (clean["level"], clean["parameter"], clean["value"], clean["psnr"]) == (0, *3 * [None])


def test_configs_splits_and_counts(odd: Path, tmp_path: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset, load_dataset_builder

    names = get_dataset_config_names(str(odd))
    families = ["clean", "blur", "noise", "contrast", "jpeg", "jpeg2000"]
    assert set(names) == {*families, *(v.name for v in variants()), "all"}
    assert names[0] == "clean"
    builder = load_dataset_builder(str(odd), "blur", cache_dir=str(tmp_path))
    assert builder.info.splits["test"].num_examples == 45
    rows = load_dataset(str(odd), "noise", split="test", cache_dir=str(tmp_path))
    assert [rows[i]["value"] for i in range(0, 50, 5)] == [float(s) for s in range(10, 101, 10)]


def test_the_folder_loads_by_its_bare_name(odd: Path) -> None:
    code = 'from datasets import load_dataset; print(load_dataset("imagenet-q")["test"].num_rows)'
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=odd.parent, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == ["5"]


def test_a_rebuilt_folder_never_serves_a_stale_cache(odd_source: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    source, out, cache = tmp_path / "images", tmp_path / "q", str(tmp_path / "cache")
    shutil.copytree(odd_source, source)
    build(open_source(source), out, subset="mini", only=["jpeg-2"])
    before = load_dataset(str(out), "jpeg-2", split="test", cache_dir=cache)["pixel_sha256"]
    path = next(source.rglob("*.JPEG"))
    Image.open(path).rotate(180).save(path, "JPEG")
    shutil.rmtree(out)
    build(open_source(source), out, subset="mini", only=["jpeg-2"])
    after = load_dataset(str(out), "jpeg-2", split="test", cache_dir=cache)["pixel_sha256"]
    assert set(before[:]) != set(after[:])


def test_originals_are_stored_byte_for_byte_but_for_orientation(
    odd: Path, odd_source: Path, tmp_path: Path
) -> None:
    from datasets import Image as ImageFeature
    from datasets import load_dataset

    rows = load_dataset(str(odd), "clean", split="test", cache_dir=str(tmp_path))
    for row in rows.cast_column("image", ImageFeature(decode=False)):
        original = (odd_source / row["wnid"] / f"{row['image_id']}.JPEG").read_bytes()
        stored = row["image"]["bytes"]
        assert len(stored) == len(original)
        changed = [i for i, (a, b) in enumerate(zip(stored, original, strict=True)) if a != b]
        assert len(changed) == (1 if row["label"] in (3, 4) else 0)


def test_a_source_that_is_not_all_jpeg_stores_clean_rows_as_webp(
    odd_source: Path, tmp_path: Path
) -> None:
    from datasets import load_dataset

    source = tmp_path / "images"
    shutil.copytree(odd_source, source)
    path = next(source.rglob("*.JPEG"))
    Image.open(path).save(path, "PNG")
    build(open_source(source), tmp_path / "q", subset="mini", only=["clean"])
    rows = load_dataset(str(tmp_path / "q"), split="test", cache_dir=str(tmp_path / "cache"))
    assert {row["image"].format for row in rows} == {"WEBP"}
    assert all(pixel_hash(row["image"]) == row["pixel_sha256"] for row in rows)


@tars_left_open
@pytest.mark.parametrize("variant", EVERY_KIND)
def test_webdataset_reads_the_tars(odd_tars: Path, variant: str) -> None:
    import webdataset

    shards = [str(path) for path in sorted((odd_tars / "data" / variant).iterdir())]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False))
    assert len(samples) == 5
    for sample in samples:
        columns = json.loads(sample["json"])
        (extension,) = {"jpg", "webp", "j2k"} & set(sample)
        assert pixel_hash(Image.open(io.BytesIO(sample[extension]))) == columns["pixel_sha256"]
        assert int(sample["cls"]) == columns["label"]
        assert None not in columns.values()
        assert columns["dataset_version"] == "1.0.0"
        decoded = next(iter(webdataset.WebDataset(shards, shardshuffle=False).decode("pil")))
        assert isinstance(decoded[extension], Image.Image)


@pytest.mark.parametrize("variant", EVERY_KIND)
def test_datasets_reads_the_tars(odd_tars: Path, tmp_path: Path, variant: str) -> None:
    from datasets import load_dataset

    by_config = load_dataset(str(odd_tars), variant, split="test", cache_dir=str(tmp_path))
    by_files = load_dataset(
        "webdataset",
        data_files=str(odd_tars / "data" / variant / "*.tar"),
        split="train",
        cache_dir=str(tmp_path),
        streaming=True,
    )
    for rows in (by_config, by_files):
        read = list(rows)
        assert len(read) == 5
        for row in read:
            (extension,) = {"jpg", "webp", "j2k"} & set(row)
            assert pixel_hash(row[extension]) == row["json"]["pixel_sha256"]


@tars_left_open
def test_dots_in_an_image_id_survive_in_tars(photograph: Image.Image, tmp_path: Path) -> None:
    import webdataset

    path = tmp_path / "images" / "n01440764" / "a.b%c.jpeg"
    path.parent.mkdir(parents=True)
    photograph.crop((0, 0, 20, 20)).save(path)
    build(
        open_source(tmp_path / "images"),
        tmp_path / "q",
        subset="mini",
        only=["jpeg-2"],
        format_name="webdataset",
    )
    shard = str(tmp_path / "q" / "data" / "jpeg-2" / "test-00000.tar")
    (sample,) = webdataset.WebDataset([shard], shardshuffle=False)
    assert sample["__key__"] == "a%2Eb%25c"
    assert json.loads(sample["json"])["image_id"] == "a.b%c"


NAMES = ["plain", "a b", "a..b", "a{b,c}", "a@b", "a%20b", "a#b", "a[b]", "a::b", "a**b", "q.py"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("in_this_process")
def test_a_folder_that_datasets_cannot_open_is_warned_of(
    make_source, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from datasets import load_dataset

    out = tmp_path / name
    source = open_source(make_source(tmp_path / "images", 2))
    build(source, out, subset="mini", only=["contrast-0.5"])
    warned = "warning: " in capsys.readouterr().err
    try:
        rows = load_dataset(str(out), "contrast-0.5", cache_dir=str(tmp_path / "cache"))["test"]
    except Exception:
        assert warned
    else:
        assert len(rows) == 2
        assert not warned
