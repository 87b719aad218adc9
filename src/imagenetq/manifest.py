"""Define `manifest.json`: what a dataset folder holds, and the digests that prove it."""

import json
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from imagenetq.errors import FolderError, ImagenetqError
from imagenetq.files import read_bounded, unreadable_as
from imagenetq.remote_errors import ANOTHER_ANSWERED
from imagenetq.retrying import StorageError
from imagenetq.selection import MAX_ID_LENGTH, is_image_id
from imagenetq.specification import specification_digest, variants

MANIFEST_NAME = "manifest.json"
RENDER_MANIFEST_NAME = "render-manifest.json"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
Sha256 = Field(pattern=SHA256_PATTERN)
Count = Field(ge=0)
ShardPath = Field(pattern=r"^data/[a-z][a-z0-9.-]*/test-[0-9]{5}(-of-[0-9]{5})?\.(parquet|tar)$")

MAX_BYTES = 256 * 2**20
"""Largest JSON file that is read, in bytes; none of ours is larger."""

_MAX_SHOWN = 80

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def _image_id(text: str) -> str:
    if not is_image_id(text):
        raise ValueError(f"no image id, which has 1 to {MAX_ID_LENGTH} printable characters")
    return text


ImageId = Annotated[str, AfterValidator(_image_id)]


class Model(BaseModel):
    """A frozen record that refuses unknown fields and wrong types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> str:
        """Give the text of the record's file."""
        return self.model_dump_json(indent=1) + "\n"


class Shard(Model):
    """One file of the dataset."""

    path: str = ShardPath
    """Path of the file, relative to the dataset folder."""

    variant: str
    """Name of the variant that the file holds."""

    rows: int = Count
    """Number of rows."""

    bytes: int = Count
    """Size of the file in bytes."""

    sha256: str = Sha256
    """SHA-256 of the file."""


class VariantSummary(Model):
    """The summary of one variant."""

    rows: int = Count
    """Number of images."""

    image_bytes: int = Count
    """Bytes of all stored image files, without the shards' own overhead."""

    mean_psnr: float | None
    """Mean PSNR in dB over the rows that differ from clean; None if none does."""

    off_target: int | None
    """Number of rows more than 1 dB from the PSNR asked for; None if the variant asks for none."""

    uniform: int = Count
    """Number of rows whose image is of a single colour."""


class BadImageNote(Model):
    """A photograph that was left out."""

    image_id: ImageId
    """Id of the photograph."""

    wnid: str = Field(pattern=r"^n[0-9]{8}$")
    """WordNet id of the photograph's class."""

    reason: str
    """What is wrong with the photograph."""


class Code(Model):
    """The code that built the dataset."""

    version: str
    """Version of imagenetq."""

    commit: str | None
    """Commit of the code in hex, with `-dirty` if it was changed since; None if unknown."""


class Identified(Model):
    """What a manifest begins with: which pixels it is of."""

    format_version: Literal[1] = 1
    """Version of the format of the manifest and of the files that it names."""

    dataset_version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    """Version of the pixels, as MAJOR.MINOR.PATCH."""

    specification_digest: str = Sha256
    """SHA-256 of the specification's canonical JSON."""

    source_digest: str = Sha256
    """SHA-256 that identifies the originals: of a dataset over its clean lines, of rendered
    pictures over a line `path TAB SHA-256 of the original file LF` for each picture, by path."""

    pixel_digest: str = Sha256
    """SHA-256 that identifies the images: of a dataset over all its lines, of rendered pictures
    over a line `path TAB variant TAB SHA-256 of the pixels LF` for each file, pictures by path,
    variants as in the ladder."""

    def require_known(self, name: object, made: str) -> None:
        """Refuse what is of another specification than ours; `made` says in words what made it."""
        if self.specification_digest != specification_digest():
            raise FolderError(
                f"{name} is of ImageNet-Q {self.dataset_version}, whose specification this "
                f"version of imagenetq does not know; it was {made}"
            )


class Manifest(Identified):
    """The manifest of a complete dataset."""

    subset: Literal["full", "mini", "sample"]
    """Subset of the photographs: `full`, `mini` or `sample`."""

    source: str
    """Kind of source that the dataset was built from."""

    format: Literal["parquet", "webdataset"]
    """File format of the shards."""

    clean_extension: Literal["jpg", "webp"]
    """Extension of the clean images: `jpg` if they are the original files, else `webp`."""

    images: int = Count
    """Number of photographs in the dataset."""

    variants: dict[str, VariantSummary]
    """Summary of each variant that the dataset holds, in ladder order."""

    classes_absent: tuple[str, ...]
    """Wnids of the classes of which the source had no photograph."""

    classes_short: dict[str, int]
    """Number of photographs of each class, by wnid, that has fewer than the subset asks for."""

    bad_images: tuple[BadImageNote, ...]
    """Photographs that were left out on request."""

    shards: tuple[Shard, ...]
    """All shards, in ladder order."""

    versions: dict[str, str]
    """Versions of the libraries that decide pixels or bytes."""

    code: Code
    """Code that built the dataset."""

    @property
    def tag(self) -> str:
        """The tag of the dataset's version in a repository."""
        return f"v{self.dataset_version}"

    @model_validator(mode="after")
    def _variants_are_known(self) -> "Manifest":
        known = [variant.name for variant in variants() if variant.name in self.variants]
        if list(self.variants) != known:
            raise ValueError("its variants are not those of the ladder, in its order")
        if {shard.variant for shard in self.shards} - self.variants.keys():
            raise ValueError("a shard is of a variant that is not listed")
        return self


def read_manifest(folder: Path) -> Manifest:
    """Read and validate a dataset folder's manifest."""
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder; name a built dataset")
    if (folder / RENDER_MANIFEST_NAME).is_file():
        raise FolderError(
            f"{folder}: rendered pictures, not a dataset, which `imagenetq build` makes"
        )
    if not path.is_file():
        raise no_manifest(folder)
    return read_model(Manifest, path, FolderError)


def no_manifest(folder: object) -> FolderError:
    """Make the error that a folder, named by path or URL, has no manifest."""
    return FolderError(
        f"{folder}: no {MANIFEST_NAME}, so no complete dataset; "
        "build it, or run the interrupted `imagenetq build` again"
    )


def read_model(model: type[AnyModel], path: Path, error: type[ImagenetqError]) -> AnyModel:
    """Read and validate a JSON file; what is wrong is one line of `error`."""
    with unreadable_as(error, path):
        data = read_bounded(path, MAX_BYTES)
    return parse_model(model, data, str(path), error)


def parse_model(
    model: type[AnyModel], data: bytes, name: str, error: type[ImagenetqError]
) -> AnyModel:
    """Validate the bytes of a JSON file, which an `error` of one line calls `name`."""
    try:
        return model.model_validate_json(data)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        # An unknown field may have any name, of any length and characters.
        where = where[:_MAX_SHOWN].encode("unicode_escape").decode()
        raise error(f"{name}: damaged or of another version: {where}: {first['msg']}") from None


def parse_served(model: type[AnyModel], data: bytes, address: str) -> AnyModel:
    """Validate a JSON file that a server sent; `FolderError` if it is damaged.

    An answer that is no such file at all, although the server reported success, is a
    `StorageError`.
    """
    if (other := _other_answer(data)) is not None:
        raise StorageError(
            f"{address}: the server sent {other} instead: it is damaged there, or "
            f"{ANOTHER_ANSWERED}"
        )
    return parse_model(model, data, address, FolderError)


def _other_answer(data: bytes) -> str | None:
    """Say what an answer is, if it is no JSON object or only reports an error; else give None."""
    text = data.lstrip()
    if not text:
        return "nothing"
    if text.startswith(b"<"):
        return "a web page"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # An object that was cut short is damaged, but not another answer.
        return None if text.startswith(b"{") else "what is no JSON"
    if not isinstance(value, dict):
        return f"the JSON {json.dumps(value)[:_MAX_SHOWN]}"
    if value.keys() <= {"error", "message"} and value:
        return f"the error {json.dumps(value)[:_MAX_SHOWN]}"
    return None
