"""Folders that are incomplete, of another version or damaged, and rows that lie."""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fault_server import FaultServer
from faults import flip_bit
from imagenetq.errors import FolderError
from imagenetq.evaluate.data import Data, open_data
from imagenetq.files import sha256_of
from imagenetq.record import pixel_sha256
from imagenetq.retrying import StorageError
from imagenetq.specification import variant

SHARD = "data/jpeg-10/test-00000-of-00002.parquet"
TAR = "data/jpeg-10/test-00000.tar"
ONLY = [variant("jpeg-10")]
OTHER = "0" * 64


@pytest.fixture
def folder(parquet: Path, tmp_path: Path) -> Path:
    return shutil.copytree(parquet, tmp_path / "q")


@pytest.fixture
def tar_folder(tars: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tars, tmp_path / "t")


def read(data: Data) -> int:
    return sum(1 for task in data.tasks(ONLY) for _ in task.samples())


def refuse(spec: object, *parts: str, **options: Any) -> None:
    with pytest.raises((FolderError, StorageError)) as caught:
        read(open_data(spec, **options))
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def record(folder: Path, shard: str) -> None:
    """Let the manifest say the size and the hash that a shard has now."""

    def change(manifest: dict[str, Any]) -> None:
        for entry in manifest["shards"]:
            if entry["path"] == shard:
                entry["bytes"] = (folder / shard).stat().st_size
                entry["sha256"] = sha256_of(folder / shard)

    edit_manifest(folder, change)


def edit_rows(folder: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    path = folder / SHARD
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path, row_group_size=25)
    record(folder, SHARD)


def edit_tar(folder: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    path = folder / TAR
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for member, content in members:
            changed = change(member.name, content)
            if changed is not None:
                member.size = len(changed)
                tar.addfile(member, io.BytesIO(changed))
    record(folder, TAR)


def test_no_manifest(folder) -> None:
    (folder / "manifest.json").unlink()
    refuse(folder, str(folder), "no manifest.json, so no complete dataset")


@pytest.mark.parametrize(
    ("content", "served"),
    [
        ("", "the server sent nothing instead: it is damaged there, or a proxy"),
        ("{}", "damaged or of another version"),
        ("[1]", "the server sent the JSON [1] instead"),
        ("\0", "the server sent what is no JSON instead"),
    ],
)
def test_a_damaged_manifest(folder, content, served) -> None:
    (folder / "manifest.json").write_text(content)
    refuse(folder, "manifest.json: damaged or of another version")
    with FaultServer(folder) as server:
        refuse(server.url, f"/manifest.json: {served}")


def test_another_specification(folder) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest |= {"dataset_version": "2.0.0", "specification_digest": OTHER}

    edit_manifest(folder, change)
    refuse(folder, "is of ImageNet-Q 2.0.0, whose specification this version of imagenetq does")


def test_a_manifest_whose_shards_do_not_hold_each_image_once(folder) -> None:
    whole = (folder / "manifest.json").read_text()

    def repeat(manifest: dict[str, Any]) -> None:
        shards = manifest["shards"]
        shards[-1]["rows"], shards[-2]["rows"] = 100, 30
        shards[-1]["path"] = shards[-2]["path"]

    def confuse(manifest: dict[str, Any]) -> None:
        manifest["shards"][0]["path"] = manifest["shards"][-1]["path"]

    for change, message in (
        (
            lambda manifest: manifest["shards"].pop(),
            "the shards of jpeg2000-28 do not hold the 130",
        ),
        (repeat, "the shards of its list do not hold"),
        (confuse, "contradicts its variant"),
    ):
        (folder / "manifest.json").write_text(whole)
        edit_manifest(folder, change)
        refuse(folder, "manifest.json: ", message)


def test_a_missing_shard_is_named(folder, tar_folder) -> None:
    (folder / SHARD).unlink()
    refuse(folder, f"{folder}/{SHARD}: missing")
    (tar_folder / TAR).unlink()
    refuse(tar_folder, f"{tar_folder}/{TAR}: missing")
    for place, shard in ((folder, SHARD), (tar_folder, TAR)):
        with FaultServer(place) as server:
            refuse(server.url, f"{server.url}/{shard}: missing")


def test_other_variants_may_be_missing(folder) -> None:
    shutil.rmtree(folder / "data" / "clean")
    assert read(open_data(folder)) == 130


@pytest.mark.parametrize("change", [-1, -40_000, +1])
def test_a_shard_of_another_size_is_named(folder, change) -> None:
    content = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(content[:change] if change < 0 else content + b"\0")
    refuse(folder, f"{folder}/{SHARD}: {len(content) + change} bytes; the manifest says")
    # Over HTTP nothing lists sizes: only reading tells.
    found = f"{len(content) + change} bytes; the" if change < 0 else "more than the"
    with FaultServer(folder) as server:
        refuse(server.url, f"{server.url}/{SHARD}: {found}", "; copy or build the dataset again")


@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("limit", [None, 1])
def test_a_damaged_shard_gives_no_row(folder, tar_folder, where, limit) -> None:
    """Whatever of it is wanted, and wherever it lies."""
    for place, shard in ((folder, SHARD), (tar_folder, TAR)):
        flip_bit(place / shard, seed=3, where=where)
        with FaultServer(place) as server:
            for spec in (place, server.url):
                (task, *_) = open_data(spec, check_pixels="none").tasks(ONLY, limit)
                with pytest.raises(FolderError) as caught:
                    next(task.samples())
                assert str(caught.value) == (
                    f"{spec}/{shard}: damaged: its SHA-256 is not that of the manifest; copy or "
                    "build the dataset again"
                )


def test_bytes_that_no_reader_understands(folder, tar_folder) -> None:
    """Shards that the manifest vouches for, or that have none, and are no shards."""
    for place, shard in ((folder, SHARD), (tar_folder, TAR)):
        content = bytearray((place / shard).read_bytes())
        content[:4000] = bytes(4000)
        content[-4000:] = bytes(4000)
        (place / shard).write_bytes(content)
        record(place, shard)
        refuse(place, shard)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wnid": "n02123045"}, "label 1 is not that of class 'n02123045'"),
        ({"wnid": "n0"}, "label 1 is not that of class 'n0'"),
        ({"label": 999}, "label 999 is not that of class 'n01443537'"),
        ({"label": None}, "label None"),
        ({"distortion": "jpeg2000"}, "of another variant ('jpeg2000' at 10.0)"),
        ({"value": 12.0}, "of another variant ('jpeg' at 12.0)"),
        ({"value": None}, "of another variant ('jpeg' at None)"),
        ({"pixel_sha256": "x"}, "its pixel hash is none"),
        ({"image_id": ""}, "its image id is none"),
        ({"image_id": "a\nb"}, "its image id is none"),
        ({"image_id": "x" * 201}, "its image id is none"),
        ({"width": 41}, "its image has another size than the row says"),
        ({"image": {"bytes": b"", "path": "x"}}, "the file is empty"),
        ({"image": {"bytes": b"GIF89a", "path": "x"}}, "not one of JPEG, JPEG2000, WEBP|not an im"),
    ],
)
def test_a_row_that_lies_is_named(folder, change, message) -> None:
    edit_rows(folder, lambda rows: rows[1].update(change))
    with pytest.raises(FolderError) as caught:
        read(open_data(folder, check_pixels="none"))
    assert f"{folder}/{SHARD}: " in str(caught.value)
    assert "(jpeg-10)" in str(caught.value)
    assert any(part in str(caught.value) for part in message.split("|"))
    assert "\n" not in str(caught.value)


def test_rows_too_many_too_few_or_twice(folder) -> None:
    whole = (folder / SHARD).read_bytes()
    for change, message in (
        (lambda rows: rows.pop(), "99 rows; the manifest says 100"),
        (lambda rows: rows.append({**rows[0], "image_id": "another"}), "101 rows; the manifest"),
        (
            lambda rows: rows.__setitem__(7, rows[3]),
            "'ILSVRC2012_val_00000004' (jpeg-10): there tw",
        ),
    ):
        (folder / SHARD).write_bytes(whole)
        edit_rows(folder, change)
        refuse(folder, f"{SHARD}: ", message)


def test_pixels_that_are_not_those_of_the_hash(folder) -> None:
    edit_rows(folder, lambda rows: rows[0].update(pixel_sha256=OTHER))
    for check in ("all", "sample"):
        refuse(
            folder,
            f"{folder}/{SHARD}: 'ILSVRC2012_val_00000001' (jpeg-10): its pixels are not those",
            check_pixels=check,
        )
    assert read(open_data(folder, check_pixels="none")) == 130


def test_how_many_rows_a_sample_checks(folder) -> None:
    """The first row of each shard, and about 1 in 20 of the others, the same in every run."""
    edit_rows(folder, lambda rows: [row.update(pixel_sha256=OTHER) for row in rows])
    (task, _) = open_data(folder, check_pixels="none").tasks(ONLY)
    rows = [sample.info.image_id for sample in task.samples()]

    def is_found(wrong: str) -> bool:
        def change(stored: list[dict[str, Any]]) -> None:
            for row in stored:
                row["pixel_sha256"] = OTHER if row["image_id"] == wrong else hashes[row["image_id"]]

        edit_rows(folder, change)
        with suppress(FolderError):
            read(open_data(folder, check_pixels="sample"))
            return False
        return True

    hashes = {sample.info.image_id: pixel_sha256(sample.pixels) for sample in task.samples()}
    found = [row for row in rows[::4] if is_found(row)]
    assert found[0] == rows[0]
    assert len(found) <= 6
    assert found == [row for row in rows[::4] if is_found(row)]


def edit_json(**change: Any) -> Callable[[str, bytes], bytes]:
    def edit(name: str, content: bytes) -> bytes:
        if not name.endswith(".json"):
            return content
        fields = {**json.loads(content), **change}
        return json.dumps({k: v for k, v in fields.items() if v is not None}).encode()

    return edit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"specification_digest": OTHER}, "of ImageNet-Q 1.0.0, whose specification"),
        ({"specification_digest": None}, "says no dataset version, so no row of ImageNet-Q"),
        ({"dataset_version": None}, "says no dataset version, so no row of ImageNet-Q"),
        ({"dataset_version": "1.0.9"}, "of another dataset version than 1.0.0"),
    ],
)
def test_tars_of_another_version(tar_folder, change, message) -> None:
    edit_tar(tar_folder, edit_json(**change))
    refuse(tar_folder, TAR, message)
    first = f"{tar_folder}/data/clean/test-00000.tar"
    refuse(f"{first},{tar_folder}/{TAR}", TAR, message)
    if change != {"dataset_version": "1.0.9"}:
        refuse(f"{tar_folder}/{TAR}", TAR, message)


def test_a_tar_in_the_folder_of_another_variant(tar_folder) -> None:
    shutil.copy(tar_folder / "data" / "clean" / "test-00000.tar", tar_folder / TAR)
    refuse(f"{tar_folder}/data/jpeg-10/*.tar", TAR, "of another variant ('clean' at None)")


def test_tars_of_something_else(tmp_path) -> None:
    def write(*members: tuple[str, bytes]) -> str:
        with tarfile.open(tmp_path / "x.tar", "w") as tar:
            for name, content in members:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return str(tmp_path / "x.tar")

    image = ("a.jpg", b"\xff\xd8\xff")
    strange = {"label": 0, "image_id": "a"}
    refuse(write(), "x.tar: an empty tar")
    refuse(write(image), "not an image, a label and JSON")
    refuse(
        write(image, ("a.cls", b"0"), ("a.json", json.dumps(strange).encode())),
        "says no dataset version",
    )
    (tmp_path / "x.tar").write_bytes(b"no tar at all")
    refuse(str(tmp_path / "x.tar"), "x.tar: damaged")


def test_a_tar_of_no_known_variant(tar_folder, tmp_path) -> None:
    edit_tar(tar_folder, edit_json(value=11.0))
    shutil.copy(tar_folder / TAR, tmp_path / "renamed.tar")
    with pytest.raises(FolderError, match=re.escape("renamed.tar: its first row is of no variant")):
        open_data(f"{tmp_path}/*.tar")


@pytest.mark.parametrize("cut", [False, True])
def test_a_bare_tar_that_ends_too_early(tar_folder, cut) -> None:
    """A reader stops where a header is damaged, or where there is no more, as if that were all."""
    path = tar_folder / TAR
    with tarfile.open(path) as tar:
        offset = tar.getmembers()[150].offset
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content[:offset] if cut else content)
    refuse(str(path), f"{path}: damaged or cut short at byte {offset}", check_pixels="none")


def test_every_pixel_of_a_bare_tar_is_compared(tar_folder) -> None:
    """No manifest vouches for its bytes."""

    def change(name: str, content: bytes) -> bytes:
        if name != "ILSVRC2012_val_00000002.json":
            return content
        return json.dumps({**json.loads(content), "pixel_sha256": OTHER}).encode()

    edit_tar(tar_folder, change)
    refuse(f"{tar_folder}/{TAR}", "'ILSVRC2012_val_00000002' (jpeg-10): its pixels are not those")
    assert read(open_data(tar_folder, check_pixels="sample")) == 130
