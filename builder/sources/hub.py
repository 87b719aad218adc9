"""ImageNet from a dataset repository of the Hugging Face Hub, such as `hf:ILSVRC/imagenet-1k`.

The repository's validation split is parquet files with columns `image` (bytes and path) and
`label`. Listing it reads the paths and labels alone; fetching streams the files that hold chosen
images, and keeps those images.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from imagenetq import classes
from imagenetq.builder.sources.base import MAX_FILE_BYTES, Source
from imagenetq.errors import AccessError, BadImage, ImagenetqError, SourceError, UsageError
from imagenetq.selection import SourceImage, image_id_of

_SPLIT = "validation"
_COLUMNS = ("image.bytes", "image.path", "label")
_ADDRESS = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>\S+))?", re.ASCII)
_HUB_SUFFIX = re.compile(r"_(n\d{8})$", re.ASCII)

_LISTING_THREADS = 8
"""Listing waits for many small requests: one for each group of rows."""


@dataclass(frozen=True)
class _Listing:
    """What a repository's validation split holds.

    Attributes:
        images: in the order of the files.
        files: for each image's name, the `hf://` address of the parquet file that holds it.
        digest: of the files' contents: what is fetched from other contents is kept elsewhere.
    """

    images: tuple[SourceImage, ...]
    files: dict[str, str]
    digest: str


class HubDataset(Source):
    """A copy of ImageNet on the Hub.

    The repository's state is pinned by the first listing: what is fetched is what was listed.
    Pickles hold the address and the folder of fetched images, never the listing.
    """

    def __init__(self, address: str) -> None:
        """Name a repository; nothing is read yet.

        Args:
            address: `ORG/NAME`, or `ORG/NAME@REVISION` for a branch, tag or commit.

        Raises:
            UsageError: the address has another form.
        """
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise UsageError(f"hf:{address}: write hf:ORG/NAME, such as hf:ILSVRC/imagenet-1k")
        self.kind = f"hf:{match['repository']}"
        self._repository: str = match["repository"]
        self._revision: str | None = match["revision"]
        self._listing: _Listing | None = None
        self._folder: Path | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_listing": None}

    def images(self) -> Sequence[SourceImage]:
        """List the validation split from its paths and labels, without downloading an image.

        Raises:
            AccessError: the repository is gated, and there is no token or its terms are not
                accepted.
            SourceError: the repository cannot be reached, or does not hold ImageNet.
        """
        return self._list().images

    def fetch(
        self,
        images: Sequence[SourceImage],
        folder: Path,
        advance: Callable[[int], None],
    ) -> None:
        """Stream the chosen images into a folder, one file an image, byte for byte.

        An interrupted fetch goes on where it stopped: parquet files of which all chosen images
        are there are not read again, nor, where a file is sorted by path, such groups of rows.

        Args:
            images: the chosen ones.
            folder: where to keep them; made if absent.
            advance: called with the number of images that have newly arrived.

        Raises:
            AccessError: as for `images`.
            SourceError: an image is missing or the network gave up.
        """
        listing = self._list()
        self._folder = folder / listing.digest
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = {image.name: image for image in images if not self._path(image).exists()}
        files = {listing.files[name] for name in missing if name in listing.files}
        with closing(self._stream(sorted(files), sorted(missing))) as originals:
            while missing and (original := next(originals, None)):
                name, content = original
                if image := missing.pop(name, None):
                    _write(self._path(image), content)
                    advance(1)
        if missing:
            raise SourceError(
                f"{self.kind} lacks {len(missing)} chosen images, such as {min(missing)}; "
                "list it anew by running the same command again"
            )

    def read(self, image: SourceImage) -> bytes:
        """The original file's bytes, from the folder that `fetch` filled.

        Raises:
            BadImage: the image was not fetched, or has more than `MAX_FILE_BYTES`.
        """
        try:
            content = self._path(image).read_bytes()
        except OSError as error:
            raise BadImage(
                f"{image.name} of {self.kind} was not fetched; run the same command again"
            ) from error
        if len(content) > MAX_FILE_BYTES:
            raise BadImage(f"{image.name} of {self.kind} has over {MAX_FILE_BYTES >> 20} MiB")
        return content

    def _path(self, image: SourceImage) -> Path:
        """Where a fetched image is kept; no remote name reaches the file system."""
        name = hashlib.sha256(image.image_id.encode()).hexdigest()
        return (self._folder or Path()) / name

    def _list(self) -> _Listing:
        if self._listing is None:
            with self._explained():
                self._listing = self._read_listing()
        return self._listing

    def _read_listing(self) -> _Listing:
        from huggingface_hub import HfFileSystem

        files = self._resolve()
        file_system = HfFileSystem()
        contents = [file_system.info(file)["blob_id"] for file in files]
        with ThreadPoolExecutor(_LISTING_THREADS) as pool:
            listed = list(pool.map(lambda file: self._list_file(file_system, file), files))
        return _Listing(
            images=tuple(image for images in listed for image in images),
            files={
                image.name: file
                for file, images in zip(files, listed, strict=True)
                for image in images
            },
            digest=hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16],
        )

    def _resolve(self) -> list[str]:
        """The addresses of the split's parquet files, at the commit that the revision is now."""
        from datasets import load_dataset_builder
        from huggingface_hub import HfApi

        hub = HfApi()
        commit = hub.dataset_info(self._repository, revision=self._revision).sha
        # The Hub describes a gated repository to anybody; datasets hides why it then refuses.
        hub.auth_check(self._repository, repo_type="dataset")
        builder = load_dataset_builder(self._repository, revision=commit)
        splits = builder.config.data_files or {}
        if _SPLIT not in splits:
            raise SourceError(
                f"{self.kind} has no split {_SPLIT!r}, only {', '.join(map(str, splits)) or 'none'}"
            )
        self._check_label(builder.info.features)
        files = [str(file) for file in splits[_SPLIT]]
        for file in files:
            if not file.startswith("hf://"):
                raise SourceError(
                    f"{self.kind} is hidden by the local folder {self._repository}; "
                    "run from another folder"
                )
            if not file.endswith(".parquet"):
                raise SourceError(f"{file} is no parquet file; name a repository of parquet files")
        return files

    def _list_file(self, file_system: Any, file: str) -> list[SourceImage]:
        from datasets import Features
        from pyarrow import parquet

        # Without the cache, which would fetch megabytes of images ahead of each small read.
        with file_system.open(file, "rb", cache_type="none") as stream:
            opened = parquet.ParquetFile(stream, pre_buffer=True)
            absent = set(_COLUMNS) - {column.path for column in opened.schema}
            if absent:
                raise SourceError(f"{file} has no column {min(absent)}; name a copy of ImageNet")
            self._check_label(Features.from_arrow_schema(opened.schema_arrow))
            table = opened.read(columns=["image.path", "label"])
        paths = table["image"].combine_chunks().field("path").to_pylist()
        labels = table["label"].to_pylist()
        return [self._image(path, label) for path, label in zip(paths, labels, strict=True)]

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
            raise SourceError(f"{self.kind} has an image without a path, so without an id")
        if label not in range(len(classes.wnids())):
            raise SourceError(f"{path} of {self.kind} has label {label}, which is not 0 to 999")
        wnid = classes.wnids()[label]
        stem = PurePosixPath(path).stem
        suffix = _HUB_SUFFIX.search(stem)
        if suffix and suffix[1] != wnid:
            raise SourceError(
                f"{path} of {self.kind} is of class {suffix[1]} by its name, "
                f"but {wnid} by its label {label}; its classes have another order"
            )
        return SourceImage(image_id_of(stem), wnid, path)

    def _stream(self, files: list[str], names: list[str]) -> Iterator[tuple[str, bytes]]:
        """The named images of some parquet files: name and original bytes."""
        if not files:
            return
        from datasets import Image, load_dataset
        from pyarrow import dataset

        with self._explained():
            stream = load_dataset(
                "parquet",
                data_files={_SPLIT: files},
                split=_SPLIT,
                streaming=True,
                filters=dataset.field("image", "path").isin(names),
            ).cast_column("image", Image(decode=False))
            rows = iter(stream)
        while True:
            with self._explained():
                row = next(rows, None)
            if row is None:
                return
            if row["image"]["bytes"] is not None:
                yield row["image"]["path"], row["image"]["bytes"]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn whatever the Hub's clients raise into one line of our own."""
        try:
            yield
        except ImagenetqError:
            raise
        except Exception as error:
            raise self._explanation(error) from error

    def _explanation(self, error: Exception) -> SourceError:
        from huggingface_hub import constants, errors

        hub = constants.ENDPOINT
        page = f"{hub}/datasets/{self._repository}"
        status = getattr(getattr(error, "response", None), "status_code", None)
        match error:
            case errors.GatedRepoError() if status == 401:
                return AccessError(
                    f"{self.kind} is gated and there is no token: accept its terms at {page}, "
                    "then run `hf auth login` or set HF_TOKEN"
                )
            case errors.GatedRepoError():
                return AccessError(
                    f"{self.kind} is gated: accept its terms at {page} while logged in (a "
                    "fine-grained token must also allow gated repositories), then run again"
                )
            case errors.RepositoryNotFoundError():
                return SourceError(
                    f"{self.kind}: no such dataset on {hub}; check the name, and if it is "
                    "private, run `hf auth login` or set HF_TOKEN"
                )
            case errors.RevisionNotFoundError():
                return SourceError(f"{self.kind} has no revision {self._revision}; see {page}")
            case errors.HfHubHTTPError() if status == 401:
                return AccessError(
                    f"{self.kind}: {hub} refused the token; run `hf auth login` or set HF_TOKEN"
                )
            case errors.OfflineModeIsEnabled():
                return SourceError(f"{self.kind} needs the network; unset HF_HUB_OFFLINE")
        return SourceError(
            f"{self.kind} cannot be read from {hub} ({_reason(error)}); "
            "run the same command again to go on"
        )


def _reason(error: BaseException) -> str:
    """The first line of what an error says, or else of what caused it."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def _write(path: Path, content: bytes) -> None:
    """Write a file so that under its name it is always complete."""
    temporary = path.with_name(f".tmp-{path.name}")
    temporary.write_bytes(content)
    temporary.replace(path)
