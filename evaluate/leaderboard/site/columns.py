"""Turn rows into columns, so that no field's name, and no value that many rows share, is repeated.

`rows` in `static/numbers.js` turns them back.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Turn rows with the same fields into columns, field by field.

    Args:
        rows: hold only what JSON can say.

    Returns:
        For each field a list of its values, or, where that is shorter, `values`: the distinct
        ones, and `places`: which of them each row has.
    """
    names = list(rows[0]) if rows else []
    return {name: _column([row[name] for row in rows]) for name in names}


def _column(values: list[Any]) -> list[Any] | dict[str, list[Any]]:
    texts = [json.dumps(value) for value in values]
    distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    shared = {
        "values": [json.loads(text) for text in distinct],
        "places": [distinct[text] for text in texts],
    }
    return shared if len(json.dumps(shared)) < len(json.dumps(values)) else values
