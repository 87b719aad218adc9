"""WebDataset shards: tars that stream from anywhere."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imagenetq.builder.files import AtomicFile
from imagenetq.builder.shards.base import ShardFormat, ShardWriter, StoredRow
from imagenetq.errors import FolderError
from imagenetq.record import Row
from imagenetq.specification import DATASET_VERSION, specification_digest

_MAX_MEMBER_BYTES = 2**30


def key_of(image_id: str) -> str:
    """The tar members' common stem: the image id with dots escaped.

    A dot would become part of a column's name; "%" is escaped too, so that ids stay distinct.
    """
    return image_id.replace("%", "%25").replace(".", "%2E")


class WebDatasetWriter(ShardWriter):
    """Writes three members a row: the image, its label, and all other columns as JSON."""

    def __init__(self, file: AtomicFile, extension: str) -> None:
        from webdataset import TarWriter

        super().__init__(file, extension)
        # Fixed ownership, mode and time: the same rows give the same bytes.
        self._tar = TarWriter(file, user="", group="", mode=0o644, mtime=0.0, encoder=False)

    def write(self, row: Row, image: bytes) -> None:
        """Append a row."""
        self._tar.write(
            {
                "__key__": key_of(row.image_id),
                self.extension: image,
                "cls": str(row.label).encode(),
                "json": json.dumps(_columns(row), sort_keys=True).encode(),
            }
        )
        self.rows += 1

    def finish(self) -> None:
        """Write the end of the archive."""
        self._tar.close()


class WebDataset(ShardFormat):
    """`test-00000.tar`."""

    name = "webdataset"
    glob = "*.tar"

    def file_name(self, shard: int, n_shards: int) -> str:  # noqa: ARG002
        """The number alone, as brace expansions in WebDataset URLs expect."""
        return f"test-{shard:05d}.tar"

    def columns(self, row: Row) -> dict[str, Any]:
        """All but nulls and `psnr`; and what tells a bare tar's origin."""
        return _columns(row)

    def writer(self, file: AtomicFile, extension: str) -> WebDatasetWriter:
        """A writer for one shard."""
        return WebDatasetWriter(file, extension)

    def read(self, path: Path) -> Iterator[StoredRow]:
        """The rows of a shard."""
        try:
            with tarfile.open(path, mode="r:") as tar:
                members: dict[str, bytes] = {}
                key = ""
                for member in tar:
                    stem, _, extension = member.name.partition(".")
                    if members and stem != key:
                        yield _row(path, key, members)
                        members = {}
                    key = stem
                    content = tar.extractfile(member) if member.isreg() else None
                    if content is None or member.size > _MAX_MEMBER_BYTES:
                        raise FolderError(f"{path}: {member.name} is no image, label or JSON")
                    members[extension] = content.read()
                if members:
                    yield _row(path, key, members)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise FolderError(f"{path}: damaged ({error})") from None


def _columns(row: Row) -> dict[str, Any]:
    # Null has no type that a reader of the first few samples could infer.
    columns = {name: value for name, value in asdict(row).items() if value is not None}
    columns.pop("psnr", None)
    return columns | {
        "dataset_version": DATASET_VERSION,
        "specification_digest": specification_digest(),
    }


def _row(path: Path, key: str, members: dict[str, bytes]) -> StoredRow:
    try:
        columns: dict[str, Any] = json.loads(members.pop("json"))
        label = int(members.pop("cls"))
        ((_, image),) = members.items()
        if columns["label"] != label or key_of(columns["image_id"]) != key:
            raise FolderError(f"{path}: {key}: label or name contradict the row's JSON")
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise FolderError(f"{path}: {key}: not an image, a label and JSON") from None
    return StoredRow(columns, image)
