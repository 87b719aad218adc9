"""Read the classes of the 50,000 validation photographs from ILSVRC 2012's development kit.

`data/meta.mat` tells which wnid each of the kit's own class numbers (1 to 1,000) stands for.
`data/ILSVRC2012_validation_ground_truth.txt` holds the number of each photograph, one a line.
"""

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

from imagenetq import classes
from imagenetq.builder.sources.listing import members
from imagenetq.confined import Confined
from imagenetq.errors import SourceError
from imagenetq.files import read_bounded
from imagenetq.pictures import reason

_N_IMAGES = 50_000

_META = "data/meta.mat"
_GROUND_TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"
_TOP = "ILSVRC2012_devkit_t12/"
_CURE = "get ILSVRC2012_devkit_t12.tar.gz again from image-net.org"
_MAX_BYTES = 64 * 2**20
"""Most bytes of a file, packed or unpacked; the whole kit has a few MiB."""

_MEMORY, _SECONDS = 2**30, 60
"""Bytes and seconds that reading `meta.mat` may take; it takes less than a second."""

_COMPRESSED_ELEMENT = 15


def read_folder(kit: Path) -> dict[str, str]:
    """Read the wnid of each validation image id from an unpacked kit."""
    return _wnids(kit, {name: _read(kit / name) for name in (_META, _GROUND_TRUTH)})


def read_archive(path: Path) -> dict[str, str]:
    """Read the wnid of each validation image id from a packed kit, without unpacking it to disk."""
    packed = _read(path)
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            unpacked = stream.read(_MAX_BYTES + 1)
        if len(unpacked) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES >> 20} MiB unpacked")
        contents = {
            member.name.removeprefix(_TOP): unpacked[member.offset_data :][: member.size]
            for member in members(io.BytesIO(unpacked), len(unpacked))
            if member.isreg() and member.name in (_TOP + _META, _TOP + _GROUND_TRUTH)
        }
        for name in (_META, _GROUND_TRUTH):
            if name not in contents:
                raise ValueError(f"no {_TOP}{name}")
    except Exception as error:  # tarfile and gzip raise many types for damaged files.
        raise SourceError(f"{path}: damaged ({reason(error)}); {_CURE}") from error
    return _wnids(path, contents)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, _MAX_BYTES)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({reason(error)}); {_CURE}") from error


def _wnids(kit: Path, contents: dict[str, bytes]) -> dict[str, str]:
    try:
        _check_compression(contents[_META])
        # Damaged bytes can crash scipy's reader, which is written in C.
        with Confined(_MEMORY, _SECONDS, SourceError, ("scipy.io",)) as confined:
            wnids = confined.run(_wnid_of_number, contents[_META])
    except Exception as error:  # scipy raises many types for damaged files.
        raise SourceError(f"{kit / _META}: {reason(error)}; {_CURE}") from error
    try:
        numbers = _numbers(contents[_GROUND_TRUTH])
    except ValueError as error:
        raise SourceError(f"{kit / _GROUND_TRUTH}: {reason(error)}; {_CURE}") from error
    return {f"ILSVRC2012_val_{index:08d}": wnids[number] for index, number in enumerate(numbers, 1)}


def _wnid_of_number(meta: bytes) -> dict[int, str]:
    """Read the wnid of each class number.

    The 1,000 classes are the synsets without children; the others are their ancestors.
    """
    import numpy as np
    from scipy.io import loadmat

    loaded: dict[str, Any] = loadmat(io.BytesIO(meta), squeeze_me=True, variable_names=["synsets"])
    synsets = np.atleast_1d(loaded.get("synsets", 0))
    if not synsets.dtype.names:
        raise ValueError("no table of synsets")
    wnids = {
        int(number): str(wnid)
        for number, wnid, children in zip(
            synsets["ILSVRC2012_ID"], synsets["WNID"], synsets["num_children"], strict=True
        )
        if children == 0
    }
    n_classes = len(classes.wnids())
    if sorted(wnids) != list(range(1, n_classes + 1)):
        raise ValueError(f"its {len(wnids)} leaf synsets are not numbered 1 to {n_classes}")
    if sorted(wnids.values()) != list(classes.wnids()):
        raise ValueError(f"its leaf synsets are not ImageNet's {n_classes:,} classes")
    return wnids


def _check_compression(mat: bytes) -> None:
    """Inflate the compressed elements of a MATLAB 5 file, to refuse damaged or huge ones.

    Scipy inflates them without a bound, and checks no checksum.
    """
    order: Any = "little" if mat[126:128] == b"IM" else "big"
    offset, room = 128, _MAX_BYTES
    while offset + 8 <= len(mat):
        kind = int.from_bytes(mat[offset : offset + 4], order)
        end = offset + 8 + int.from_bytes(mat[offset + 4 : offset + 8], order)
        if kind == _COMPRESSED_ELEMENT:
            stream = zlib.decompressobj()
            room -= len(stream.decompress(mat[offset + 8 : end], room + 1))
            if room < 0:
                raise ValueError(f"more than {_MAX_BYTES >> 20} MiB unpacked")
            if not stream.eof:
                raise ValueError("cut off")
        offset = end


def _numbers(ground_truth: bytes) -> list[int]:
    numbers = [int(line) for line in ground_truth.decode("ascii").split()]
    if len(numbers) != _N_IMAGES:
        raise ValueError(f"{len(numbers)} lines, not {_N_IMAGES}")
    outside = [number for number in numbers if not 1 <= number <= len(classes.wnids())]
    if outside:
        raise ValueError(f"class number {outside[0]} is not 1 to {len(classes.wnids())}")
    return numbers
