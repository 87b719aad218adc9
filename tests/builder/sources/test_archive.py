import io
import os
import pickle
import random
import shutil
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from imagenetq.builder.sources.archive import TarArchive
from imagenetq.builder.sources.folder import FlatFolder
from imagenetq.errors import BadImage, SourceError
from imagenetq.pictures import MAX_FILE_BYTES
from imagenetq.selection import SourceImage

Contents = Callable[[Any], set[tuple[str, str, str]]]
ONE = "ILSVRC2012_val_00000001.JPEG"
TWO = "ILSVRC2012_val_00000002.JPEG"
CSV = (
    "ImageId,PredictionString\n"
    "ILSVRC2012_val_00000001,n01440764 1 2 3 4\n"
    "ILSVRC2012_val_00000002,n01443537 1 2 3 4\n"
)


def member(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def write_tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], **options: Any) -> Path:
    with tarfile.open(path, "w", **options) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A tar of two images, with their solution beside it."""
    (tmp_path / "LOC_val_solution.csv").write_text(CSV)
    return write_tar(
        tmp_path / "ILSVRC2012_img_val.tar", [member(ONE, b"1" * 700), member(TWO, b"2" * 10)]
    )


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        TarArchive(path).images()
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("prefix", ["", "./", "val/"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_gives_what_the_unpacked_folder_gives(
    photographs: list[Any], contents: Contents, kit: Path, tmp_path: Path, prefix: str, form: int
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for photo in photographs:
        (flat / photo.name).write_bytes(photo.data)
    shutil.copytree(kit, tmp_path / kit.name)
    path = write_tar(
        tmp_path / "val.tar",
        [member(prefix + photo.name, photo.data) for photo in photographs],
        format=form,
    )

    listed = contents(TarArchive(path))
    assert len(listed) == len(photographs)
    assert listed == contents(FlatFolder(flat))


def test_only_regular_images_are_members(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.JPEG"
    secret.write_bytes(b"secret")
    link = {"linkname": str(secret)}
    write_tar(
        path,
        [
            member("val.JPEG", type=tarfile.DIRTYPE),
            member("README.txt", b"read me"),
            member("._" + ONE, b"AppleDouble"),
            member(TWO, type=tarfile.SYMTYPE, **link),
            member("ILSVRC2012_val_00000003.JPEG", type=tarfile.LNKTYPE, **link),
            member("ILSVRC2012_val_00000004.JPEG", type=tarfile.FIFOTYPE),
            member(ONE, b"image"),
        ],
    )

    source = TarArchive(path)
    (image,) = source.images()
    assert image == SourceImage("ILSVRC2012_val_00000001", "n01440764", ONE)
    assert source.read(image) == b"image"


def test_names_never_reach_the_disk(path: Path, tmp_path: Path) -> None:
    (tmp_path / TWO).write_bytes(b"on disk")
    absolute = f"{tmp_path}/{TWO}"
    write_tar(path, [member(f"../../../{ONE}", b"one"), member(absolute, b"in the tar")])

    source = TarArchive(path)
    assert [source.read(image) for image in source.images()] == [b"one", b"in the tar"]
    with pytest.raises(BadImage, match=r"^/etc/passwd: there is no such file; use the tar"):
        source.read(SourceImage("passwd", "n01440764", "/etc/passwd"))


def test_every_truncation_is_refused(path: Path) -> None:
    intact = path.read_bytes()
    assert intact.endswith(bytes(1024))
    end_of_data = len(intact.rstrip(b"\0")) // 512 * 512 + 512
    cuts = [0, 1, 511, 512, 513, 1024, 1535, 1536, 2047, 2048, 2559, end_of_data]
    for cut in cuts:
        path.write_bytes(intact[:cut])
        assert "get it again" in refused(path), cut


def test_a_damaged_header_is_not_taken_for_the_end(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[1536 + 5] ^= 1
    path.write_bytes(damaged)

    assert "damaged or truncated tar (no end of archive and no header at byte 1536)" in refused(
        path
    )


def test_flipped_bits_in_headers_are_refused_or_change_nothing(path: Path) -> None:
    expected = TarArchive(path).images()
    intact = path.read_bytes()
    generator = random.Random(0)
    for _ in range(300):
        damaged = bytearray(intact)
        byte = generator.choice([0, 1536]) + generator.randrange(512)
        damaged[byte] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        with suppress(SourceError):
            assert TarArchive(path).images() == expected


@pytest.mark.parametrize("size", [-1536, -512, -1, 2**62])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_forged_sizes_are_refused(path: Path, size: int, kind: bytes) -> None:
    forged = tarfile.TarInfo("x")
    forged.size, forged.type = size, kind
    header = forged.tobuf(tarfile.GNU_FORMAT)
    first = path.read_bytes()[:1536]
    path.write_bytes(first + header + bytes(10240))

    assert "damaged or truncated tar" in refused(path)


def test_a_global_header_cannot_send_the_reader_back(path: Path) -> None:
    forged = tarfile.TarInfo("x")
    forged.size = -1024
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, pax_headers={"size": "5"}):
        pass
    global_header = path.read_bytes()[:1024]
    path.write_bytes(global_header + forged.tobuf(tarfile.GNU_FORMAT) + bytes(10240))

    assert "'x' does not fit in it" in refused(path)


def test_refuses_an_image_that_is_there_twice(path: Path) -> None:
    write_tar(path, [member(ONE, b"old"), member(ONE, b"new")])

    assert "is there twice" in refused(path)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_refuses_compressed_tars_whatever_their_name(path: Path, compression: str) -> None:
    with tarfile.open(path, f"w:{compression}") as tar:  # type: ignore[call-overload]
        tar.addfile(*member(ONE))

    assert "decompress it to a plain .tar" in refused(path)


def test_refuses_what_is_no_tar(path: Path) -> None:
    for data in (b"", b"text", os.urandom(4096)):
        path.write_bytes(data)
        assert "get it again" in refused(path)


def test_refuses_a_tar_that_is_gone(path: Path) -> None:
    source = TarArchive(path)
    image = source.images()[0]
    path.unlink()

    assert "name a tar that you may read" in refused(path)
    with pytest.raises(SourceError):
        source.read(image)


def test_refuses_an_image_without_a_label(path: Path) -> None:
    write_tar(path, [member("n01440764_10026.JPEG", b"from the training set")])

    with pytest.raises(SourceError, match=r"n01440764_10026\.JPEG.*has no label for it"):
        TarArchive(path).images()


def test_refuses_an_image_of_absurd_size(path: Path) -> None:
    huge = tarfile.TarInfo(ONE)
    huge.size = MAX_FILE_BYTES + 512
    with path.open("wb") as file:
        file.write(huge.tobuf())
        file.truncate(512 + huge.size + 1024)
    source = TarArchive(path)
    (image,) = source.images()

    with pytest.raises(BadImage, match=rf"^{ONE}: larger than 256 MiB"):
        source.read(image)


def test_a_replaced_tar_is_indexed_anew(path: Path) -> None:
    source = TarArchive(path)
    image = source.images()[1]
    assert source.read(image) == b"2" * 10
    write_tar(path, [member(TWO, b"other")])
    os.utime(path, ns=(1, 1))

    assert source.read(image) == b"other"


def test_workers_read_from_a_small_pickle(path: Path) -> None:
    source = TarArchive(path)
    images = source.images()

    assert len(pickle.dumps(source)) < 1000
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(source.read, images)) == [b"1" * 700, b"2" * 10]
