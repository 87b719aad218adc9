"""Read ImageNet from a dataset repository of the Hugging Face Hub.

The validation split of such a repository (`hf:ILSVRC/imagenet-1k`, for example) is parquet files
with columns `image` (bytes and path) and `label`, as `datasets` resolves them. Listing reads the
paths and labels alone. Fetching reads the row groups that hold chosen photographs, and keeps those.

Row groups are read here and not through a `datasets` stream, for two reasons. A stream that is left
early, as after Ctrl-C, leaves Arrow threads behind that abort the interpreter when it ends
(apache/arrow issue 45214; seen with datasets 5.2 and pyarrow 26). And a stream resumes by file, of
which the validation split has few and large ones.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import override

from imagenetq import classes
from imagenetq.builder.sources.base import Source
from imagenetq.errors import BadImage, SourceError
from imagenetq.files import write_whole
from imagenetq.hub import HubAddress
from imagenetq.pictures import read_image
from imagenetq.selection import SourceImage, image_id_of

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem

_SPLIT = "validation"
_COLUMNS = ("image.bytes", "image.path", "label")
_HUB_SUFFIX = re.compile(r"_(n\d{8})$", re.ASCII)

_LISTING_THREADS = 8
"""Threads that list, because listing waits for a small answer for each row group."""

_FETCHING_THREADS = 4
"""Threads that fetch; each holds one row group in memory, of ImageNet about 11 MB."""

_READ_AHEAD = 8192
"""Bytes that are read at once: enough for the short columns beside the one that is read, and no
more, because images lie beyond."""


class _RowGroup(NamedTuple):
    """One row group: the `hf://` address of its parquet file, and its number there."""

    file: str
    number: int


@dataclass(frozen=True)
class _Listing:
    """The content of a repository's validation split."""

    images: tuple[SourceImage, ...]
    """Photographs in the order of the files."""

    row_groups: dict[str, _RowGroup]
    """Row group of each photograph, by the photograph's name."""

    footers: dict[str, Any]
    """The `pyarrow.parquet.FileMetaData` of each file."""

    digest: str
    """Digest of the files' contents; photographs of other contents are kept elsewhere."""


class HubDataset(Source):
    """A copy of ImageNet on the Hub.

    The first listing pins the commit: what is fetched is what was listed. Pickles hold the address
    and the folder of fetched photographs, never the listing.
    """

    is_remote = True

    def __init__(self, address: str) -> None:
        """Name a repository, `ORG/NAME` or `ORG/NAME@REVISION`; nothing is read yet."""
        self._address = HubAddress.parse(address, example="hf:ILSVRC/imagenet-1k")
        self.kind = str(self._address)
        self._listing: _Listing | None = None
        self._folder: Path | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_listing": None}

    @override
    def images(self) -> Sequence[SourceImage]:
        """List the validation split from its paths and labels, without downloading a photograph."""
        return self._list().images

    @override
    def fetch(
        self, images: Sequence[SourceImage], folder: Path, advance: Callable[[int], None]
    ) -> None:
        """Bring the chosen photographs to a folder, one file each, byte for byte.

        A row group is not read again if all chosen photographs of it are there.
        """
        listing = self._list()
        self._folder = folder / listing.digest
        missing: defaultdict[_RowGroup, list[SourceImage]] = defaultdict(list)
        for image in images:
            if image.name not in listing.row_groups:
                raise SourceError(
                    f"{self.kind} has no photograph {image.name}; run again to list anew"
                )
            if not (self._folder / _file_name(image)).exists():
                missing[listing.row_groups[image.name]].append(image)
        advance(len(images) - sum(map(len, missing.values())))
        with ThreadPoolExecutor(_FETCHING_THREADS) as pool:
            fetch = partial(self._fetch_row_group, listing.footers, self._folder)
            for count in pool.map(fetch, missing.keys(), missing.values()):
                advance(count)

    @override
    def read(self, image: SourceImage) -> bytes:
        """Read the original file's bytes from the folder that `fetch` filled."""
        path = self._folder and self._folder / _file_name(image)
        if path is None or not path.is_file():
            raise BadImage(
                f"{image.name} of {self.kind} was not fetched; run the same command again"
            )
        return read_image(path, f"{image.name} of {self.kind}")

    def _list(self) -> _Listing:
        if self._listing is None:
            with self._address.explained():
                self._listing = self._read_listing()
        return self._listing

    def _read_listing(self) -> _Listing:
        from huggingface_hub import HfFileSystem

        files = self._resolve()
        file_system = HfFileSystem()
        contents = [file_system.info(file)["blob_id"] for file in files]
        images: list[SourceImage] = []
        row_groups: dict[str, _RowGroup] = {}
        footers: dict[str, Any] = {}
        with ThreadPoolExecutor(_LISTING_THREADS) as pool:
            listed = pool.map(partial(self._list_file, file_system), files)
            for file, (footer, groups) in zip(files, listed, strict=True):
                footers[file] = footer
                for number, group in enumerate(groups):
                    images.extend(group)
                    row_groups |= {image.name: _RowGroup(file, number) for image in group}
        digest = hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]
        return _Listing(tuple(images), row_groups, footers, digest)

    def _resolve(self) -> list[str]:
        """Give the addresses of the split's parquet files at the revision's present commit."""
        from datasets import load_dataset_builder

        # datasets hides why the Hub refuses a gated repository; pinning first tells.
        commit = self._address.pin()
        builder = load_dataset_builder(self._address.repository, revision=commit)
        splits = builder.config.data_files or {}
        if _SPLIT not in splits:
            raise SourceError(
                f"{self.kind} has no split {_SPLIT!r}, only {', '.join(map(str, splits)) or 'none'}"
            )
        files = [str(file) for file in splits[_SPLIT]]
        for file in files:
            if not file.startswith("hf://"):
                raise SourceError(
                    f"{self.kind} is hidden by the local folder {self._address.repository}; "
                    "run from another folder"
                )
            if not file.endswith(".parquet"):
                raise SourceError(f"{file} is no parquet file; name a repository of parquet files")
        self._check_label(builder.info.features)
        return files

    def _list_file(
        self, file_system: "HfFileSystem", file: str
    ) -> tuple[Any, list[list[SourceImage]]]:
        """Read a parquet file's footer, and its photographs by row group."""
        from datasets import Features
        from pyarrow import parquet

        with file_system.open(file, "rb", block_size=_READ_AHEAD) as stream:
            opened = parquet.ParquetFile(stream)
            absent = set(_COLUMNS) - {column.path for column in opened.schema}
            if absent:
                raise SourceError(f"{file} has no column {min(absent)}; name a copy of ImageNet")
            self._check_label(Features.from_arrow_schema(opened.schema_arrow))
            groups = []
            for number in range(opened.num_row_groups):
                rows = opened.read_row_group(
                    number, columns=["image.path", "label"], use_threads=False
                )
                paths, labels = (column.to_pylist() for column in rows.flatten().columns)
                groups.append(list(map(self._image, paths, labels)))
        return opened.metadata, groups

    def _check_label(self, features: Any) -> None:
        from datasets import ClassLabel

        label = (features or {}).get("label")
        if isinstance(label, ClassLabel) and label.num_classes != len(classes.wnids()):
            raise SourceError(
                f"{self.kind} has {label.num_classes:,} classes, not ImageNet's 1,000; "
                "name a copy of ImageNet"
            )

    def _image(self, path: str | None, label: int | None) -> SourceImage:
        if not path:
            raise SourceError(f"{self.kind} has a photograph without a path, so without an id")
        if label is None or not 0 <= label < len(classes.wnids()):
            raise SourceError(f"{path} of {self.kind} has label {label}, which is not 0 to 999")
        wnid = classes.wnids()[label]
        stem = PurePosixPath(path).stem
        suffix = _HUB_SUFFIX.search(stem)
        if suffix and suffix[1] != wnid:
            raise SourceError(
                f"{path} of {self.kind} is of class {suffix[1]} by its name, "
                f"but {wnid} by its label {label}; name a copy whose labels are in wnid order"
            )
        return SourceImage(image_id_of(stem), wnid, path)

    def _fetch_row_group(
        self,
        footers: dict[str, Any],
        folder: Path,
        row_group: _RowGroup,
        images: Sequence[SourceImage],
    ) -> int:
        """Write a row group's chosen photographs to the folder, and count them."""
        from huggingface_hub import HfFileSystem
        from pyarrow import parquet

        with (
            self._address.explained(),
            HfFileSystem().open(row_group.file, "rb", block_size=_READ_AHEAD) as stream,
        ):
            opened = parquet.ParquetFile(stream, metadata=footers[row_group.file])
            rows = opened.read_row_group(
                row_group.number, columns=["image.bytes", "image.path"], use_threads=False
            ).flatten()
        originals = dict(zip(rows["image.path"].to_pylist(), rows["image.bytes"], strict=True))
        for image in images:
            content = originals[image.name].as_py()
            if content is None:
                raise SourceError(f"{image.name} of {self.kind} has a path, but no bytes")
            write_whole(folder / _file_name(image), content)
        return len(images)


def _file_name(image: SourceImage) -> str:
    """Name the file of a fetched photograph, so that no remote name reaches the file system."""
    return hashlib.sha256(image.image_id.encode()).hexdigest()
