"""JSON files of strangers: bounded before they are read, and with one meaning only.

Parsers disagree about a key that is there twice, about `NaN`, and about encodings; whoever checks a
file and whoever shows it must see the same.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel

from imagenetq.errors import EntryError
from imagenetq.manifest import parse_model

AnyModel = TypeVar("AnyModel", bound=BaseModel)

_MAX_SHOWN = 80


def read_strict(model: type[AnyModel], path: Path, max_bytes: int) -> AnyModel:
    """Read and validate a JSON file that may come from anyone.

    Args:
        model: what it should hold.
        path: the file.
        max_bytes: how large it may be; a larger one is not read.

    Raises:
        EntryError: it cannot be read, is too large, is no plain file, or holds something else.
    """
    data = read_bounded(path, max_bytes)
    _require_one_meaning(data, str(path))
    return parse_model(model, data, str(path), EntryError)


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The bytes of a plain file, which are not read if there are too many.

    Raises:
        EntryError: there are, or it is a link, a device or the like, or cannot be read.
    """
    try:
        # Neither follows a link nor waits for whoever writes to a pipe.
        descriptor = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK"))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise EntryError(f"{path}: no plain file")
            data = file.read(max_bytes + 1)
    except OSError as reason:
        raise EntryError(f"{path}: cannot be read ({reason.strerror})") from None
    if len(data) > max_bytes:
        size = max(status.st_size, len(data))
        raise EntryError(f"{path}: {size} bytes is too large; at most {max_bytes} are read")
    return data


def _flag(name: str) -> int:
    # Windows has none of them.
    return int(getattr(os, name, 0))


def _require_one_meaning(data: bytes, name: str) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        held = dict(pairs)
        if len(held) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for place, key in enumerate(keys) if key in keys[:place])
            raise EntryError(f"{name}: {twice[:_MAX_SHOWN]!a} is there twice")
        return held

    def no_number(text: str) -> NoReturn:
        raise EntryError(f"{name}: {text} is no number of JSON")

    try:
        json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except RecursionError:
        raise EntryError(f"{name}: damaged: too deep") from None
    except ValueError as reason:
        raise EntryError(f"{name}: damaged: no JSON ({' '.join(str(reason).split())})") from None
