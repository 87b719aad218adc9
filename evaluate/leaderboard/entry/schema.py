"""Make JSON Schemas of an entry's files, for whoever reads them without this package.

They say what can be said of one value at a time; `imagenetq leaderboard check` checks the rest.
"""

import ast
import inspect
import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from imagenetq.entry import Entry
from imagenetq.evaluate.leaderboard.entry.submission import Submission
from imagenetq.files import write_whole

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """Make the text of each schema, by file name, which holds the format's version."""
    texts = {}
    models: tuple[type[Entry] | type[Submission], ...] = (Entry, Submission)
    for model in models:
        name, version = model.__name__.lower(), model.model_fields["format_version"].default
        described = model.model_json_schema()
        parts = {model.__name__: described} | described.get("$defs", {})
        for kind in _models(model):
            for field, note in _field_notes(kind).items():
                properties = parts.get(kind.__name__, {}).get("properties", {})
                properties.get(field, {})["description"] = note
        identity = f"urn:imagenet-q:{name}:{version}"
        schema = {"$schema": _DIALECT, "$id": identity, **described}
        texts[f"{name}-{version}.json"] = json.dumps(schema, indent=1) + "\n"
    return texts


def write_schemas(folder: Path) -> None:
    """Write all schemas into a folder."""
    for name, text in schemas().items():
        write_whole(folder / name, text.encode())


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """List the models that a type names, and those that their fields name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for part in get_args(annotation):
        yield from _models(part)


@cache
def _field_notes(kind: type[BaseModel]) -> dict[str, Any]:
    """Collect the notes beside a model's fields in the source, and beside those of its bases."""
    notes = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("imagenetq."):
            continue
        definition = ast.parse(inspect.getsource(base)).body[0]
        for field, note in pairwise(getattr(definition, "body", ())):
            match field, note:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    notes[name] = " ".join(text.split())
    return notes
