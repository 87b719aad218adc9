"""JSON Schemas of the files that an entry consists of, for whoever reads them without us.

They say what can be said of one value at a time; `imagenetq leaderboard check` knows the rest.
"""

import json
from pathlib import Path

from imagenetq.entry import Entry
from imagenetq.evaluate.leaderboard.entry.submission import Submission
from imagenetq.files import write_whole

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """The text of each schema, by file name, which bears the format's version."""
    return {
        f"{name}-{version}.json": _text(model, f"urn:imagenet-q:{name}:{version}")
        for name, model, version in (
            ("entry", Entry, Entry.model_fields["format_version"].default),
            ("submission", Submission, Submission.model_fields["format_version"].default),
        )
    }


def write_schemas(folder: Path) -> None:
    """Write them all."""
    for name, text in schemas().items():
        write_whole(folder / name, text.encode())


def _text(model: type[Entry] | type[Submission], identity: str) -> str:
    schema = {"$schema": _DIALECT, "$id": identity, **model.model_json_schema()}
    return json.dumps(schema, indent=1) + "\n"
