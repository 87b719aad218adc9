"""Both formats give back what was written, and refuse what is damaged."""

import tarfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from imagenetq.builder.shards import FORMATS, shard_format
from imagenetq.builder.shards.image_files import lossless_webp
from imagenetq.errors import FolderError, UsageError
from imagenetq.files import AtomicFile
from imagenetq.record import Row
from imagenetq.shards import READERS, StoredRow, key_of
from imagenetq.specification import variant


def some_row(index: int) -> tuple[Row, bytes]:
    pixels = np.full((5, 7, 3), index, np.uint8)
    image = lossless_webp(pixels)
    row = Row.of(
        variant("contrast-0.3"),
        image_id=f"image.{index}",
        wnid="n01440764",
        rank=index,
        pixels=pixels,
        clean=np.zeros_like(pixels),
        n_bytes=len(image),
    )
    return row, image


def write(path: Path, format_name: str, n_rows: int) -> list[tuple[Row, bytes]]:
    rows = [some_row(index) for index in range(n_rows)]
    file = AtomicFile(path)
    writer = shard_format(format_name).writer(file, "webp")
    for row, image in rows:
        writer.write(row, image)
    writer.finish()
    file.commit()
    return rows


def read_all(path: Path, format_name: str) -> list[StoredRow]:
    with path.open("rb") as file:
        return list(READERS[format_name](file, str(path)))


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("n_rows", [0, 1, 25, 60])
def test_rows_come_back(tmp_path: Path, format_name: str, n_rows: int) -> None:
    rows = write(tmp_path / "shard", format_name, n_rows)
    read = read_all(tmp_path / "shard", format_name)
    assert [stored.image for stored in read] == [image for _, image in rows]
    columns = shard_format(format_name).columns
    assert [stored.fields for stored in read] == [columns(row) for row, _ in rows]
    with (tmp_path / "shard").open("rb") as file:
        some = shard_format(format_name).read(file, ("rank", "image_id"))
    assert some == [(row.rank, row.image_id) for row, _ in rows]


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, format_name: str) -> None:
    write(tmp_path / "a", format_name, 30)
    write(tmp_path / "b", format_name, 30)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.9])
def test_a_truncated_shard_is_refused_in_one_line(
    tmp_path: Path, format_name: str, keep: float
) -> None:
    path = tmp_path / "shard"
    write(path, format_name, 30)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(FolderError) as refused:
        read_all(path, format_name)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_parquet_layout(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write(tmp_path / "shard", "parquet", 60)
    with pq.ParquetFile(tmp_path / "shard") as parquet:
        metadata = parquet.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        assert [group.num_rows for group in groups] == [25, 25, 10]
        image = groups[0].column(0)
        assert (image.path_in_schema, image.compression) == ("image.bytes", "UNCOMPRESSED")
        assert image.has_column_index
        assert image.has_offset_index
        assert b"huggingface" in parquet.schema_arrow.metadata


def test_a_foreign_parquet_file_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "shard")
    with pytest.raises(FolderError, match="its columns are not"):
        read_all(tmp_path / "shard", "parquet")


def test_tar_members(tmp_path: Path) -> None:
    write(tmp_path / "shard", "webdataset", 1)
    with tarfile.open(tmp_path / "shard") as tar:
        members = tar.getmembers()
    assert [m.name for m in members] == ["image%2E0.cls", "image%2E0.json", "image%2E0.webp"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }


@pytest.mark.parametrize("extra", ["image%2E0.txt", "other.json", "../evil.cls"])
def test_a_tar_with_other_members_is_refused(tmp_path: Path, extra: str) -> None:
    path = tmp_path / "shard"
    write(path, "webdataset", 1)
    with tarfile.open(path, "a") as tar:
        tar.addfile(tarfile.TarInfo(extra))
    with pytest.raises(FolderError, match="not an image, a label and JSON"):
        read_all(path, "webdataset")


def test_keys_are_distinct_and_hold_no_dot() -> None:
    ids = ["a.b", "a%2Eb", "a%b", "ab"]
    keys = [key_of(image_id) for image_id in ids]
    assert len(set(keys)) == len(ids)
    assert not any("." in key for key in keys)


def test_webdataset_columns_leave_out_nulls_and_psnr() -> None:
    row, _ = some_row(3)
    columns = shard_format("webdataset").columns(row)
    added = {"dataset_version", "specification_digest"}
    assert set(columns) == set(asdict(row)) - {"psnr"} | added


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(UsageError, match="parquet and webdataset"):
        shard_format("zip")
