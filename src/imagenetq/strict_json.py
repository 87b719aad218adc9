"""Read strangers' JSON files, which must be small enough and have one meaning only.

Parsers disagree about repeated keys, about `NaN` and about encodings, but whoever checks a file and
whoever shows it must see the same.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel

from imagenetq.errors import EntryError, ImagenetqError
from imagenetq.files import read_bounded, unreadable_as
from imagenetq.manifest import parse_model

AnyModel = TypeVar("AnyModel", bound=BaseModel)

_MAX_SHOWN = 80


def read_strict(
    model: type[AnyModel], path: Path, max_bytes: int, *, follow_link: bool = True
) -> AnyModel:
    """Read and validate a JSON file of at most `max_bytes` that may come from anyone."""
    with unreadable_as(EntryError, path):
        data = read_bounded(path, max_bytes, follow_link=follow_link)
    parse_strict(data, str(path), EntryError)
    return parse_model(model, data, str(path), EntryError)


def parse_strict(data: bytes, name: str, error: type[ImagenetqError]) -> Any:
    """Parse JSON in UTF-8 that has one meaning only; what is wrong is one line of `error`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = next(key for key, count in counts.items() if count > 1)
            raise error(f"{name}: {twice[:_MAX_SHOWN]!a} is there twice")
        return values

    def no_number(text: str) -> NoReturn:
        raise error(f"{name}: {text} is no number of JSON")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except RecursionError:
        raise error(f"{name}: damaged: too deep") from None
    except ValueError as reason:
        raise error(f"{name}: damaged: no JSON ({' '.join(str(reason).split())})") from None
