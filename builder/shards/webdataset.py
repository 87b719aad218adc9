"""Write WebDataset shards, which are tars that stream from anywhere."""

import json
from dataclasses import asdict
from typing import Any

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
    """The format of shards such as `test-00000.tar`."""

    name = "webdataset"
    glob = "*.tar"

    def file_name(self, shard: int, n_shards: int) -> str:  # noqa: ARG002
        """Name a shard by number alone, as brace expansions in WebDataset URLs expect."""
        return f"test-{shard:05d}.tar"

    def columns(self, row: Row) -> dict[str, Any]:
        """Give all columns but nulls and `psnr`, and what tells a bare tar's origin."""
        return _columns(row)

    def writer(self, file: AtomicFile, extension: str) -> WebDatasetWriter:
        """Open a writer for one shard."""
        return WebDatasetWriter(file, extension)


def _columns(row: Row) -> dict[str, Any]:
    # Null has no type that a reader of the first few samples could infer.
    columns = {name: value for name, value in asdict(row).items() if value is not None}
    columns.pop("psnr", None)
    return columns | {
        "dataset_version": DATASET_VERSION,
        "specification_digest": specification_digest(),
    }
