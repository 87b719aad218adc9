"""What is published: files by their path in the repository, and how to tell that they are there."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from typing import cast

from imagenetq.builder.card.card import CARD_NAME, PREVIEW_NAME, preview
from imagenetq.builder.card.hub_card import published_card, recipe_card
from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.recipe.pixel_table import PIXELS_NAME, SPECIFICATION_NAME, pixel_table
from imagenetq.hub import HubAddress
from imagenetq.manifest import MANIFEST_NAME, Manifest
from imagenetq.specification import canonical_json


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repository.

    Attributes:
        size: in bytes.
        blob_id: its id in git.
        sha256: of a large file, which git knows by a pointer; None for a small one.
    """

    size: int
    blob_id: str
    sha256: str | None


@dataclass(frozen=True)
class NewFile:
    """A file to publish.

    Attributes:
        path: in the repository, and in the folder that it comes from.
        source: that folder, or its content.
        size: in bytes.
        sha256: of its content, as it must be.
        rows: of the dataset, in it.
    """

    path: str
    source: DatasetFolder | bytes
    size: int
    sha256: str
    rows: int = 0

    @classmethod
    def of(cls, path: str, content: bytes) -> "NewFile":
        """A file that exists nowhere yet."""
        return cls(path, content, len(content), hashlib.sha256(content).hexdigest())

    def is_at(self, remote: RemoteFile | None) -> bool:
        """Whether a file of the repository is this one."""
        if remote is None or remote.size != self.size:
            return False
        if remote.sha256 is not None:
            return remote.sha256 == self.sha256
        return remote.blob_id == self._blob_id

    def is_intact(self) -> bool:
        """Whether what lies there still has the hash that it must have."""
        if isinstance(self.source, bytes):
            return True
        try:
            return sha256_at(self.source, self.path) == self.sha256
        except OSError:
            return False

    def text(self) -> str:
        """A small file's text."""
        content = self.source if isinstance(self.source, bytes) else self.source.read(self.path)
        return content.decode("utf-8")

    def at_hand(self, until: ExitStack) -> str | bytes:
        """Its path on this machine, or its content.

        Args:
            until: closed when the path is no longer needed; removes what was copied here.
        """
        if isinstance(self.source, bytes):
            return self.source
        return str(until.enter_context(self.source.at_hand(self.path)))

    @cached_property
    def _blob_id(self) -> str:
        content = self.source if isinstance(self.source, bytes) else self.source.read(self.path)
        header = b"blob %d\0" % len(content)
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Payload:
    """All files of a version.

    Attributes:
        body: shards, or the recipe's hashes.
        head: card, with the picture that it shows, and manifest, which say that all is there, and
            so come last.
    """

    body: tuple[NewFile, ...]
    head: tuple[NewFile, ...]

    @property
    def files(self) -> dict[str, NewFile]:
        """All of them, by path."""
        return {file.path: file for file in (*self.body, *self.head)}

    def missing(self, remote: Mapping[str, RemoteFile]) -> list[NewFile]:
        """Those of the body that the repository lacks, or holds otherwise."""
        return [file for file in self.body if not file.is_at(remote.get(file.path))]

    @classmethod
    def of_dataset(
        cls, folder: DatasetFolder, manifest: Manifest, address: HubAddress
    ) -> "Payload":
        """A built folder.

        Args:
            folder: the dataset's, verified.
            manifest: the folder's.
            address: where it goes, which the card's loading lines name.
        """
        card = published_card(folder.read(CARD_NAME).decode("utf-8"), manifest, address)
        shards = tuple(
            NewFile(shard.path, folder, shard.bytes, shard.sha256, shard.rows)
            for shard in manifest.shards
        )
        return cls(
            shards,
            (NewFile.of(PREVIEW_NAME, preview()), *_head(folder, card)),
        )

    @classmethod
    def of_recipe(cls, folder: DatasetFolder, manifest: Manifest, address: HubAddress) -> "Payload":
        """A built folder's recipe, without an image: see `recipe`.

        Args:
            folder: the dataset's, verified.
            manifest: the folder's.
            address: where it goes, which the card's loading line names.
        """
        card = recipe_card(manifest, address)
        return cls(
            (
                NewFile.of(SPECIFICATION_NAME, canonical_json().encode()),
                NewFile.of(PIXELS_NAME, pixel_table(folder, manifest)),
            ),
            _head(folder, card),
        )


def _head(folder: DatasetFolder, card: str) -> tuple[NewFile, ...]:
    return (
        NewFile.of(CARD_NAME, card.encode()),
        NewFile.of(MANIFEST_NAME, folder.read(MANIFEST_NAME)),
    )


def sha256_at(folder: DatasetFolder, path: str) -> str:
    """Hex SHA-256 of a file as it lies in a folder; a remote one is read whole.

    Raises:
        OSError: it cannot be read.
    """
    with folder.fetch(path) as file:
        return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
