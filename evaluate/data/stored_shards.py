"""Read a built dataset, on disk or remote: its manifest, and the shards that it lists."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from typing_extensions import override

from imagenetq.choices import CheckPixels
from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import Data, Identity, Task
from imagenetq.evaluate.data.rows import Expected
from imagenetq.evaluate.data.shard_task import ShardFile, ShardTask
from imagenetq.manifest import (
    MANIFEST_NAME,
    MAX_BYTES,
    BadImageNote,
    Manifest,
    Shard,
    parse_served,
    read_manifest,
)
from imagenetq.retrying import Patience, retried
from imagenetq.specification import Variant, variants
from imagenetq.storage import join, local_path, open_stream, sizes

_COUNT = re.compile(r"-of-\d+$")


class StoredShards(Data):
    """A dataset folder with a manifest; a task is one shard: up to 100 images of one variant.

    A shard is read into memory whole, even if few of its rows are wanted, and compared with its
    SHA-256 before the first row is used. Nothing is copied to disk.
    """

    def __init__(self, root: str, check_pixels: CheckPixels, patience: Patience) -> None:
        """Read the manifest below a folder's path or URL; the rest is as for `open_data`."""
        self._root, self._check_pixels, self._patience = root, check_pixels, patience
        self._manifest = self._read_manifest()
        self._manifest.require_known(root, f"built with {self._manifest.code.version}")
        _require_whole(root, self._manifest)
        self.variants = tuple(v for v in variants() if v.name in self._manifest.variants)
        self.identity = Identity(
            dataset_version=self._manifest.dataset_version,
            specification_digest=self._manifest.specification_digest,
            source_digest=self._manifest.source_digest,
            subset=self._manifest.subset,
            n_images=self._manifest.images,
        )

    @property
    @override
    def bad_images(self) -> Sequence[BadImageNote]:
        return self._manifest.bad_images

    @override
    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        self._require_available(variants, limit, self._root)
        is_tar = self._manifest.format == "webdataset"
        version = self._manifest.dataset_version if is_tar else None
        tasks: list[Task] = []
        wanted: list[Shard] = []
        for variant in variants:
            left = self._manifest.images if limit is None else limit
            for shard in self._manifest.shards:
                if shard.variant != variant.name or left <= 0:
                    continue
                address = join(self._root, shard.path)
                tasks.append(
                    ShardTask(
                        key=f"{shard.variant}.{_COUNT.sub('', PurePosixPath(shard.path).stem)}",
                        n_samples=min(shard.rows, left),
                        shard=ShardFile(address, shard.bytes, shard.rows, shard.sha256),
                        expected=Expected(shard.variant, version, self._check_pixels),
                        # One that is wanted whole is read to its end, where a row too many shows.
                        limit=left if left < shard.rows else None,
                        patience=self._patience,
                    )
                )
                wanted.append(shard)
                left -= shard.rows
        self._require_present(wanted)
        return tasks

    def _read_manifest(self) -> Manifest:
        folder = local_path(self._root)
        if folder is not None:
            return read_manifest(folder)
        address = join(self._root, MANIFEST_NAME)

        def read() -> bytes:
            with open_stream(address) as file:
                return file.read(MAX_BYTES + 1)

        try:
            data = retried(read, self._patience)
        except FileNotFoundError:
            raise FolderError(
                f"{self._root}: no {MANIFEST_NAME}, so no complete dataset; name the folder that "
                "`imagenetq build` made, or give ImageNet's own photographs as --source"
            ) from None
        if len(data) > MAX_BYTES:
            raise FolderError(f"{address}: too large for a manifest")
        return parse_served(Manifest, data, address)

    def _require_present(self, shards: Sequence[Shard]) -> None:
        paths = [shard.path for shard in shards]
        stored = retried(lambda: sizes(self._root, paths), self._patience)
        if stored is None:
            return
        for shard in shards:
            address, n_bytes = join(self._root, shard.path), stored.get(shard.path)
            if n_bytes is None:
                raise FolderError(f"{address}: missing; copy or build the dataset again")
            if n_bytes != shard.bytes:
                raise FolderError(
                    f"{address}: {n_bytes} bytes; the manifest says {shard.bytes}; "
                    "copy or build the dataset again"
                )


def _require_whole(root: str, manifest: Manifest) -> None:
    """Refuse a manifest if, by its list of shards, a variant does not hold each photograph once."""
    rows = dict.fromkeys(manifest.variants, 0)
    for shard in manifest.shards:
        if PurePosixPath(shard.path).parent.name != shard.variant:
            raise FolderError(f"{join(root, MANIFEST_NAME)}: {shard.path} contradicts its variant")
        rows[shard.variant] += shard.rows
    paths = {shard.path for shard in manifest.shards}
    incomplete = [name for name, count in rows.items() if count != manifest.images]
    if incomplete or len(paths) != len(manifest.shards):
        name = next(iter(incomplete), "its list")
        raise FolderError(
            f"{join(root, MANIFEST_NAME)}: the shards of {name} do not hold the "
            f"{manifest.images} photographs that it says; build the dataset again"
        )
