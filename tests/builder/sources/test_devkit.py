import gzip
import io
import random
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from imagenetq import classes
from imagenetq.builder.sources import devkit
from imagenetq.errors import SourceError

WriteMeta = Callable[..., None]
META = "data/meta.mat"
TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"


@pytest.fixture
def copy(kit: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kit, tmp_path / kit.name))


def pack(kit: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        tar.add(kit, kit.name)
    return path


def refused(path: Path) -> str:
    read = devkit.read_folder if path.is_dir() else devkit.read_archive
    with pytest.raises(SourceError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "get ILSVRC2012_devkit_t12.tar.gz again" in message
    assert "\n" not in message
    return message


def test_labels_every_validation_image(
    kit: Path, leaves: dict[str, int], numbers: list[int]
) -> None:
    wnids = devkit.read_folder(kit)

    assert len(wnids) == 50_000
    assert [leaves[wnids[f"ILSVRC2012_val_{i:08d}"]] for i in range(1, 50_001)] == numbers


def test_a_packed_kit_says_the_same(kit: Path, tmp_path: Path) -> None:
    assert devkit.read_archive(pack(kit, tmp_path / "kit.tar.gz")) == devkit.read_folder(kit)


def test_an_uncompressed_table_says_the_same(
    kit: Path, copy: Path, write_meta: WriteMeta, leaves: dict[str, int]
) -> None:
    write_meta(copy / META, leaves, compressed=False)

    assert devkit.read_folder(copy) == devkit.read_folder(kit)


@pytest.mark.parametrize("name", [META, TRUTH])
def test_refuses_a_kit_without_a_file(copy: Path, tmp_path: Path, name: str) -> None:
    (copy / name).unlink()

    assert name in refused(copy)
    assert name in refused(pack(copy, tmp_path / "kit.tar.gz"))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["1"] * 49_999, "49999 lines, not 50000"),
        (["1"] * 50_001, "50001 lines, not 50000"),
        (["0"] * 50_000, "class number 0 "),
        (["1001"] * 50_000, "class number 1001 "),
        (["-3"] * 50_000, "class number -3 "),
        (["one"] * 50_000, "'one'"),
        (["1.5"] * 50_000, "'1.5'"),
        (["é"] * 50_000, "ascii"),
        (["9" * 5000], "digits"),
        ([], "0 lines"),
    ],
)
def test_refuses_another_ground_truth(copy: Path, lines: list[str], complaint: str) -> None:
    (copy / TRUTH).write_text("\n".join(lines), encoding="utf-8")

    message = refused(copy)
    assert TRUTH in message
    assert complaint in message


def test_refuses_too_few_leaves(copy: Path, write_meta: WriteMeta, leaves: dict[str, int]) -> None:
    write_meta(copy / META, {wnid: n for wnid, n in leaves.items() if n != 500})

    assert "999 leaf synsets" in refused(copy)


def test_refuses_numbers_that_do_not_start_at_one(
    copy: Path, write_meta: WriteMeta, leaves: dict[str, int]
) -> None:
    write_meta(copy / META, {wnid: number - 1 for wnid, number in leaves.items()})

    assert "not numbered 1 to 1000" in refused(copy)


def test_refuses_another_class(copy: Path, write_meta: WriteMeta, leaves: dict[str, int]) -> None:
    write_meta(
        copy / META, {wnid.replace("n01440764", "n99999999"): n for wnid, n in leaves.items()}
    )

    assert "not ImageNet's 1,000 classes" in refused(copy)


def test_refuses_a_table_of_another_kind(copy: Path) -> None:
    for table in ({"other": 1}, {"synsets": 1}, {"synsets": list(classes.wnids())}):
        savemat(copy / META, table)
        message = refused(copy)
        assert META in message
        assert "no table of synsets" in message


def test_refuses_a_damaged_table(copy: Path) -> None:
    intact = (copy / META).read_bytes()
    hdf5 = intact[:124] + b"\x00\x02" + intact[126:]
    for damaged in (b"", b"x", b"x" * 500, intact[:200], intact[:-1], hdf5):
        (copy / META).write_bytes(damaged)
        assert META in refused(copy)


def test_refuses_flipped_bits_in_the_table(copy: Path) -> None:
    intact = (copy / META).read_bytes()
    generator = random.Random(0)
    for _ in range(20):
        damaged = bytearray(intact)
        damaged[generator.randrange(128, len(damaged))] ^= 1 << generator.randrange(8)
        (copy / META).write_bytes(damaged)
        assert META in refused(copy)


def test_a_table_that_crashes_its_reader_is_refused(
    copy: Path, write_meta: WriteMeta, leaves: dict[str, int]
) -> None:
    write_meta(copy / META, leaves, compressed=False)
    intact = (copy / META).read_bytes()
    # Types that no element has end scipy's reader, and whoever called it, by a signal.
    for place, kind in ((380, 15), (428, 2), (500, 15)):
        (copy / META).write_bytes(intact[:place] + bytes([kind]) + intact[place + 1 :])
        message = refused(copy)
        assert META in message
        assert "crashes the reader" in message


@pytest.mark.parametrize("name", [META, TRUTH])
def test_refuses_a_file_of_absurd_size(copy: Path, name: str) -> None:
    with (copy / name).open("r+b") as file:
        file.truncate(65 * 2**20)

    assert "is too large; at most 67108864 are read" in refused(copy)


def test_refuses_a_compression_bomb_in_the_table(copy: Path) -> None:
    savemat(copy / META, {"synsets": np.zeros(65 * 2**20, np.uint8)}, do_compression=True)
    assert (copy / META).stat().st_size < 2**20

    assert "more than 64 MiB unpacked" in refused(copy)


def test_refuses_a_compression_bomb_as_kit(tmp_path: Path) -> None:
    path = tmp_path / "kit.tar.gz"
    path.write_bytes(gzip.compress(bytes(65 * 2**20), 1))

    assert "more than 64 MiB unpacked" in refused(path)


def test_refuses_a_damaged_archive(kit: Path, tmp_path: Path) -> None:
    path = pack(kit, tmp_path / "kit.tar.gz")
    intact = path.read_bytes()
    middle = len(intact) // 2
    flipped = intact[:middle] + bytes([intact[middle] ^ 255]) + intact[middle + 1 :]
    for damaged in (b"", b"not gzip", intact[:middle], intact[:-4], flipped):
        path.write_bytes(damaged)
        refused(path)


def test_follows_no_link_out_of_the_archive(kit: Path, tmp_path: Path) -> None:
    path = tmp_path / "kit.tar.gz"
    link = tarfile.TarInfo("ILSVRC2012_devkit_t12/" + META)
    link.type = tarfile.SYMTYPE
    link.linkname = str(kit / META)
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(link, io.BytesIO())

    refused(path)


def test_a_forged_size_does_not_read_forever(tmp_path: Path) -> None:
    path = tmp_path / "kit.tar.gz"
    forged = tarfile.TarInfo("x")
    first = forged.tobuf()
    forged.size = -1024
    path.write_bytes(gzip.compress(first + forged.tobuf(tarfile.GNU_FORMAT) + bytes(10240)))

    assert "'x' does not fit in it" in refused(path)
