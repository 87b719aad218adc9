"""Define and read `submission.json`, which holds what only the submitter of an entry knows.

Its texts are data: whoever shows them escapes them.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from imagenetq.entry import ENTRY_NAME, Text
from imagenetq.entry_scores import MAX_TEXT, FiniteModel
from imagenetq.errors import UsageError
from imagenetq.predictions import PREDICTIONS_NAME
from imagenetq.strict_json import read_strict

SUBMISSION_NAME = "submission.json"

FOLDER_PATTERN = r"[a-z0-9]+([._-][a-z0-9]+)*"
"""Pattern of an entry's folder name: lower-case letters and digits, with single dots, dashes or
underscores between them."""

MAX_FOLDER = 80
"""Most characters of a folder's name."""

FILES = (ENTRY_NAME, SUBMISSION_NAME, PREDICTIONS_NAME)
"""Names of the files that an entry's folder may hold."""

_MAX_BYTES = 2**16
_LINK = r"^https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~/?#@!$&()*+,;=:%-]*)?$"
_REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"
_PATH = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,9}$"
_COMMIT = r"^[0-9a-f]{40}$"


def _says_something(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("begins or ends with a space, or cannot be printed")
    return text


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_says_something)]
Sentence = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_says_something)]
Link = Annotated[str, Field(pattern=_LINK, max_length=500)]


class Place(FiniteModel):
    """A file of a dataset repository of the Hugging Face Hub."""

    repository: str = Field(pattern=_REPOSITORY)
    """`ORG/NAME` of the repository, which everybody must be able to read."""

    revision: str = Field(pattern=_COMMIT)
    """Commit of the repository, so that the file cannot change."""

    path: str = Field(pattern=_PATH, max_length=300)
    """Path of the file in the repository."""


class Submission(FiniteModel):
    """What only the submitter of an entry knows."""

    format_version: Literal[1] = 1
    """Version of the file's format."""

    name: Name
    """Name of the model, as the leaderboard shows it."""

    link: Link
    """Link to the model, its weights or its code."""

    paper: Link | None
    """Link to the paper; None if there is none."""

    training_data: Sentence
    """What the model was trained on."""

    notes: Text
    """What else a reader should know; may be empty."""

    predictions: Place | None = None
    """Where `predictions.parquet` is; None if it lies beside this file."""


_LINK_RULE = "a link that begins with https://, of plain characters, without spaces or user names"
_TEXT_RULE = "characters that can be printed, without a space at either end"
RULES = {
    "name": f"1 to 100 {_TEXT_RULE}",
    "link": _LINK_RULE,
    "training_data": f"1 to 300 {_TEXT_RULE}",
    "paper": f"nothing, or {_LINK_RULE}",
    "notes": f"nothing, or at most {MAX_TEXT:,} characters that can be printed",
}
"""What each answer of a submitter must be, in words."""


_ACCEPTED = {"name": "a", "link": "https://a", "paper": None, "training_data": "a", "notes": ""}


def checked_answer(field: str, text: str) -> str | None:
    """Give the value that a field of `RULES` gets from the submitter's answer, or refuse that."""
    value = None if field == "paper" and not text else text
    try:
        Submission.model_validate(_ACCEPTED | {field: value})
    except ValidationError:
        shown = text if len(text) <= 60 else f"{text[:60]}.."
        raise UsageError(f"{shown!a} cannot be taken; give {RULES[field]}") from None
    return value


def read_submission(path: Path) -> Submission:
    """Read and validate a `submission.json`."""
    return read_strict(Submission, path, _MAX_BYTES, follow_link=False)


def is_folder_name(name: str) -> bool:
    """Tell whether an entry's folder may have this name."""
    return len(name) <= MAX_FOLDER and re.fullmatch(FOLDER_PATTERN, name, re.ASCII) is not None


def folder_name_of(name: str) -> str:
    """Make a folder's name of a model's: `SqueezeNet 1.0 (x)` lies in `squeezenet-1.0-x`."""
    folder = "-".join(re.findall(r"[a-z0-9]+(?:[._][a-z0-9]+)*", name.lower()))
    if not is_folder_name(folder):
        raise UsageError(
            f"{name[:MAX_FOLDER]!a} makes no folder's name; give one with --folder, of at most "
            f"{MAX_FOLDER} lower-case letters, digits, dots, dashes and underscores"
        )
    return folder
