"""Write WebDataset shards, which are tars that stream from anywhere."""

import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

from typing_extensions import override

from imagenetq.builder.shards.base import ShardFormat, ShardWriter
from imagenetq.files import AtomicFile
from imagenetq.record import Row
from imagenetq.shards import key_of
from imagenetq.specification import DATASET_VERSION, specification_digest


class WebDatasetWriter(ShardWriter):
    """A writer of three members a row: the image, its label, and all other columns as JSON."""

    def __init__(self, file: AtomicFile, extension: str) -> None:
        from webdataset import TarWriter

        super().__init__(file, extension)
        # Fixed ownership, mode and time: the same rows give the same bytes.
        self._tar = TarWriter(file, user="", group="", mode=0o644, mtime=0.0, encoder=False)

    @override
    def write(self, row: Row, image: bytes) -> None:
        self._tar.write(
            {
                "__key__": key_of(row.image_id),
                self.extension: image,
                "cls": str(row.label).encode(),
                "json": json.dumps(WebDataset().columns(row), sort_keys=True).encode(),
            }
        )

    @override
    def finish(self) -> None:
        self._tar.close()


class WebDataset(ShardFormat):
    """The format of shards such as `test-00000.tar`."""

    name = "webdataset"
    glob = "*.tar"

    @override
    def file_name(self, shard: int, n_shards: int) -> str:
        # Brace expansions in WebDataset URLs expect a number alone.
        return f"test-{shard:05d}.tar"

    @override
    def columns(self, row: Row) -> dict[str, Any]:
        # Null has no type that a reader of the first few samples could infer.
        columns = {name: value for name, value in asdict(row).items() if value is not None}
        columns.pop("psnr", None)
        # A bare tar has no manifest that tells its origin.
        origin = {
            "dataset_version": DATASET_VERSION,
            "specification_digest": specification_digest(),
        }
        return columns | origin

    @override
    def writer(self, file: AtomicFile, extension: str) -> WebDatasetWriter:
        return WebDatasetWriter(file, extension)

    @override
    def read(self, file: BinaryIO, names: Sequence[str]) -> list[tuple[Any, ...]]:
        rows = []
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.name.endswith(".json") else None
                if content is not None:
                    fields = json.load(io.TextIOWrapper(content, "utf-8"))
                    rows.append(tuple(fields[name] for name in names))
        return rows
