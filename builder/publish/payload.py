"""List the files to publish by their path in the repository, and tell if they are there."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from io import BufferedReader
from typing import cast

from imagenetq.benchmark import EVAL_NAME, eval_yaml
from imagenetq.builder.card.card import (
    CARD_NAME,
    PREVIEW_NAME,
    config_variants,
    preview,
    published_card,
    recipe_card,
)
from imagenetq.builder.card.croissant import CROISSANT_NAME, croissant, recipe_croissant
from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.recipe.pixel_table import PIXELS_NAME, SPECIFICATION_NAME, pixel_table
from imagenetq.hub import HubAddress
from imagenetq.manifest import MANIFEST_NAME, Manifest
from imagenetq.specification import canonical_json


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repository."""

    size: int
    """Size of the file in bytes."""

    blob_id: str
    """Id of the file in git."""

    sha256: str | None
    """SHA-256 of a large file, which git knows by a pointer; None for a small one."""


@dataclass(frozen=True)
class NewFile:
    """A file to publish."""

    path: str
    """Path in the repository, and in the folder that the file comes from."""

    source: DatasetFolder | bytes
    """Folder that the file comes from, or the file's content."""

    size: int
    """Size of the file in bytes."""

    sha256: str
    """SHA-256 that the content must have."""

    rows: int = 0
    """Number of the dataset's rows in the file."""

    @classmethod
    def of(cls, path: str, content: bytes) -> "NewFile":
        """Describe a file that exists nowhere yet, by its content."""
        return cls(path, content, len(content), hashlib.sha256(content).hexdigest())

    def is_at(self, remote: RemoteFile | None) -> bool:
        """Tell whether a file of the repository is this one."""
        if remote is None or remote.size != self.size:
            return False
        if remote.sha256 is not None:
            return remote.sha256 == self.sha256
        return remote.blob_id == self._blob_id

    def is_intact(self) -> bool:
        """Tell whether what lies in the folder still has the hash that it must have."""
        if isinstance(self.source, bytes):
            return True
        try:
            return sha256_at(self.source, self.path) == self.sha256
        except OSError:
            return False

    def content(self) -> bytes:
        """Read a small file."""
        return self.source if isinstance(self.source, bytes) else self.source.read(self.path)

    def at_hand(self, until: ExitStack) -> str | bytes:
        """Give the file's content, or its path on this machine; `until` removes what is copied."""
        if isinstance(self.source, bytes):
            return self.source
        return str(until.enter_context(self.source.at_hand(self.path)))

    @cached_property
    def _blob_id(self) -> str:
        content = self.content()
        header = b"blob %d\0" % len(content)
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Payload:
    """All files of a version."""

    body: tuple[NewFile, ...]
    """Shards, or the recipe's specification and hashes."""

    head: tuple[NewFile, ...]
    """Card, the picture that it shows, its form for machines, and manifest. They say that all is
    there, and so come last."""

    @property
    def files(self) -> dict[str, NewFile]:
        """All files by path."""
        return {file.path: file for file in (*self.body, *self.head)}

    def with_benchmark(self, manifest: Manifest) -> "Payload":
        """Add the file that registers the dataset as one of the Hub's benchmarks."""
        is_recipe = PIXELS_NAME in self.files
        text = eval_yaml(() if is_recipe else config_variants(manifest))
        return replace(self, head=(NewFile.of(EVAL_NAME, text.encode()), *self.head))

    @classmethod
    def of_dataset(
        cls, folder: DatasetFolder, manifest: Manifest, address: HubAddress
    ) -> "Payload":
        """List the files of a verified folder, with a card that names the repository."""
        card = published_card(folder.read(CARD_NAME).decode("utf-8"), manifest, address)
        shards = tuple(
            NewFile(shard.path, folder, shard.bytes, shard.sha256, shard.rows)
            for shard in manifest.shards
        )
        manifest_json = folder.read(MANIFEST_NAME)
        described = croissant(manifest, manifest_json, address)
        head = _head(card, described, manifest_json)
        return cls(shards, (NewFile.of(PREVIEW_NAME, preview()), *head))

    @classmethod
    def of_recipe(cls, folder: DatasetFolder, manifest: Manifest, address: HubAddress) -> "Payload":
        """List the files of a verified folder's recipe, which holds no image."""
        card = recipe_card(manifest, address)
        manifest_json = folder.read(MANIFEST_NAME)
        files = {
            SPECIFICATION_NAME: canonical_json().encode(),
            PIXELS_NAME: pixel_table(folder, manifest),
        }
        described = recipe_croissant(manifest, files | {MANIFEST_NAME: manifest_json}, address)
        body = tuple(NewFile.of(path, content) for path, content in files.items())
        return cls(body, _head(card, described, manifest_json))


def _head(card: str, described: bytes, manifest_json: bytes) -> tuple[NewFile, ...]:
    return (
        NewFile.of(CARD_NAME, card.encode()),
        NewFile.of(CROISSANT_NAME, described),
        NewFile.of(MANIFEST_NAME, manifest_json),
    )


def sha256_at(folder: DatasetFolder, path: str) -> str:
    """Compute the hex SHA-256 of a file in a folder; a remote one is read whole."""
    with folder.fetch(path) as file:
        return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
