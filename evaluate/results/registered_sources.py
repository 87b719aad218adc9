"""Read registered sources: which photograph has which class, so that no entry has other labels.

`leaderboard/datasets/` holds one parquet file per source, named after its source digest, and
`demonstrations.json`, which says what each demonstration's digest belongs to.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from imagenetq.digests import PixelLine, source_digest
from imagenetq.errors import FolderError
from imagenetq.remote_errors import first_line
from imagenetq.specification import CLEAN

DEMONSTRATIONS_NAME = "demonstrations.json"
COLUMNS = ("image_id", "wnid", "pixel_sha256")

_SUFFIX = ".parquet"


@dataclass(frozen=True)
class KnownSource:
    """The photographs of a source, without their pixels."""

    digest: str
    classes: Mapping[str, str]
    """The wnid of each photograph, by its image id."""


def is_registered(digest: str | None) -> bool:
    """Tell whether a source digest belongs to a registered source; no other can be ranked."""
    return digest in registered_digests()


@cache
def registered_digests() -> frozenset[str]:
    """List the source digests of all registered sources, which leaves out demonstrations."""
    return frozenset(
        file.name.removesuffix(_SUFFIX)
        for file in _folder().iterdir()
        if file.name.endswith(_SUFFIX)
    )


def demonstration_of(digest: str | None) -> str | None:
    """Say what photographs a demonstration is of, as part of a sentence; None if not known."""
    return None if digest is None else _demonstrations().get(digest)


@cache
def registered_source(digest: str) -> KnownSource | None:
    """Read the registered source of a digest; None if there is none."""
    if digest not in registered_digests():
        return None
    with as_file(_folder() / f"{digest}{_SUFFIX}") as path:
        return read_source(path)


def read_source(path: Path) -> KnownSource:
    """Read a registered source's file, and check it against the digest in its name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = [pq.read_table(path, columns=[name])[name].to_pylist() for name in COLUMNS]
    # ValueError: a text is not UTF-8.
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise FolderError(f"{path}: damaged ({first_line(error)})") from None
    digest = path.name.removesuffix(_SUFFIX)
    image_ids, wnids, hashes = columns
    lines = [PixelLine(i, w, CLEAN, h) for i, w, h in zip(image_ids, wnids, hashes, strict=True)]
    classes = dict(zip(image_ids, wnids, strict=True))
    if source_digest(lines) != digest or len(classes) < len(lines):
        raise FolderError(f"{path}: not the source whose digest its name is; register it again")
    return KnownSource(digest, classes)


@cache
def _demonstrations() -> dict[str, str]:
    text = (_folder() / DEMONSTRATIONS_NAME).read_text(encoding="utf-8")
    return {str(digest): str(what) for digest, what in json.loads(text).items()}


def _folder() -> Traversable:
    return files("imagenetq.evaluate.results") / "datasets"
