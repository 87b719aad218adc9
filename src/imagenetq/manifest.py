"""`manifest.json`: what a dataset folder holds, and the digests that prove it."""

import json
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from imagenetq.errors import FolderError, ImagenetqError
from imagenetq.files import read_bounded
from imagenetq.remote_errors import ANOTHER_ANSWERED
from imagenetq.retrying import StorageError
from imagenetq.selection import MAX_ID_LENGTH, is_image_id
from imagenetq.specification import variants

MANIFEST_NAME = "manifest.json"
RENDER_MANIFEST_NAME = "render-manifest.json"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
Sha256 = Field(pattern=SHA256_PATTERN)
Count = Field(ge=0)
ShardPath = Field(pattern=r"^data/[a-z][a-z0-9.-]*/test-[0-9]{5}(-of-[0-9]{5})?\.(parquet|tar)$")

MAX_BYTES = 256 * 2**20
"""A larger JSON file is none of ours."""

_MAX_PLACE = 80
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


class Shard(Model):
    """One file of the dataset."""

    path: str = ShardPath
    """Relative to the dataset folder."""

    variant: str
    """The variant it holds."""

    rows: int = Count
    """How many."""

    bytes: int = Count
    """The file's size."""

    sha256: str = Sha256
    """Of the file."""


class VariantSummary(Model):
    """What is worth knowing of a variant as a whole."""

    rows: int = Count
    """Images."""

    image_bytes: int = Count
    """Of the stored image files, without the shards' own overhead."""

    mean_psnr: float | None
    """DB, over the rows that differ from clean; None if none does."""

    off_target: int | None
    """Rows more than 1 dB from the PSNR asked for; None where none was."""

    uniform: int = Count
    """Rows of a single colour."""


class BadImageNote(Model):
    """A photograph that was left out."""

    image_id: ImageId
    """Its id."""

    wnid: str = Field(pattern=r"^n[0-9]{8}$")
    """Its class."""

    reason: str
    """What is wrong with it."""


class Code(Model):
    """The code that built the dataset."""

    version: str
    """Of imagenetq."""

    commit: str | None
    """Hex, with `-dirty` if changed since; None if unknown."""


class Manifest(Model):
    """A complete dataset."""

    format_version: Literal[1] = 1
    """Of this file."""

    dataset_version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    """MAJOR.MINOR.PATCH."""

    specification_digest: str = Sha256
    """SHA-256 of the specification's canonical JSON."""

    source_digest: str = Sha256
    """SHA-256 over the clean lines."""

    pixel_digest: str = Sha256
    """SHA-256 over all lines: the dataset's identity."""

    subset: Literal["full", "mini", "sample"]
    """`full`, `mini` or `sample`."""

    source: str
    """The kind of source it was built from."""

    format: Literal["parquet", "webdataset"]
    """Of the shards."""

    clean_extension: Literal["jpg", "webp"]
    """Of the clean images: `jpg` if they are the original files, else `webp`."""

    images: int = Count
    """Photographs in the dataset."""

    variants: dict[str, VariantSummary]
    """For each variant held, in ladder order, its summary."""

    classes_absent: tuple[str, ...]
    """Wnids of which the source had no photograph."""

    classes_short: dict[str, int]
    """For classes with fewer photographs than the subset asks for, how many."""

    bad_images: tuple[BadImageNote, ...]
    """Photographs left out on request."""

    shards: tuple[Shard, ...]
    """All files, in ladder order."""

    versions: dict[str, str]
    """Of the libraries that decide pixels or bytes."""

    code: Code
    """That built it."""

    @model_validator(mode="after")
    def _variants_are_known(self) -> "Manifest":
        known = [variant.name for variant in variants() if variant.name in self.variants]
        if list(self.variants) != known:
            raise ValueError("its variants are not those of the ladder, in its order")
        if {shard.variant for shard in self.shards} - self.variants.keys():
            raise ValueError("a shard is of a variant that is not listed")
        return self

    def to_json(self) -> str:
        """The file's text."""
        return self.model_dump_json(indent=1) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and validate a dataset folder's manifest.

    Raises:
        FolderError: there is none, or it is damaged or of another format version.
    """
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder; name a built dataset")
    if (folder / RENDER_MANIFEST_NAME).is_file():
        raise FolderError(
            f"{folder}: rendered pictures, not a dataset, which `imagenetq build` makes"
        )
    if not path.is_file():
        raise FolderError(
            f"{folder}: no {MANIFEST_NAME}, so no complete dataset; "
            "build it, or run the interrupted `imagenetq build` again"
        )
    return read_model(Manifest, path, FolderError)


def read_model(model: type[AnyModel], path: Path, error: type[ImagenetqError]) -> AnyModel:
    """Read and validate a JSON file.

    Args:
        model: what it should hold.
        path: the file.
        error: what to raise, in one line, if it cannot be read or holds something else.
    """
    try:
        data = read_bounded(path, MAX_BYTES)
    except OSError as reason:
        raise error(f"{path}: cannot be read ({reason.strerror})") from None
    return parse_model(model, data, str(path), error)


def parse_model(
    model: type[AnyModel], data: bytes, name: str, error: type[ImagenetqError]
) -> AnyModel:
    """Validate the bytes of a JSON file.

    Args:
        model: what it should hold.
        data: the file's bytes.
        name: what to call it in an error.
        error: what to raise, in one line, if it holds something else.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        # A field that does not belong may have any name.
        place = place[:_MAX_PLACE].encode("unicode_escape").decode()
        raise error(f"{name}: damaged or of another version: {place}: {first['msg']}") from None


def parse_served(model: type[AnyModel], data: bytes, address: str) -> AnyModel:
    """Validate a JSON file that a server sent.

    Args:
        model: what it should hold.
        data: the server's answer.
        address: of the file.

    Raises:
        FolderError: the file is damaged or of another version.
        StorageError: the answer is no such file at all, though it said that all was well.
    """
    if (other := _other_answer(data)) is not None:
        raise StorageError(f"{address}: the server sent {other} instead: {ANOTHER_ANSWERED}")
    return parse_model(model, data, address, FolderError)


def _other_answer(data: bytes) -> str | None:
    """What an answer is that is no JSON object, or only tells of an error; None if it is one."""
    text = data.lstrip()
    if not text:
        return "nothing"
    if text.startswith(b"<"):
        return "a web page"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # One that was cut short is damaged, not another's.
        return None if text.startswith(b"{") else "what is no JSON"
    if not isinstance(value, dict):
        return f"the JSON {json.dumps(value)[:_MAX_SHOWN]}"
    if value.keys() <= {"error", "message"} and value:
        return f"the error {json.dumps(value)[:_MAX_SHOWN]}"
    return None
