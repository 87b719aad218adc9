"""Entries with which nothing is wrong, made up for tests, and ways to change them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fake_predictions import ALL, columns, run
from imagenetq import specification_digest
from imagenetq.evaluate.leaderboard.entry.submission import Submission
from imagenetq.evaluate.results.result import Result
from imagenetq.predictions import Predictions
from imagenetq.specification import variant

Change = Callable[[dict[str, Any]], None]


def honest_columns(n: int = 30, seed: int = 0) -> dict[str, Any]:
    """Answers of a network that gets worse with each distortion; one image a class."""
    generator = np.random.default_rng(seed)
    rank = np.full((n, len(ALL)), 900)
    ability = generator.random(n)
    for place, name in enumerate(ALL):
        level = 0 if name == "contrast-1.0" else variant(name).level
        rank[ability > 0.2 + 0.07 * level, place] = 1
    rank[:, ALL.index("contrast-0.0")] = 900
    return columns(rank)


def honest(n: int = 30, seed: int = 0, **changes: Any) -> Result:
    """A result that is only a demonstration."""
    facts = {
        "specification_digest": specification_digest(),
        "subset": "mini",
        "warnings": (),
    }
    predictions = Predictions.from_columns(honest_columns(n, seed))
    return Result.of(run(**(facts | changes)), predictions)


def submission(**changes: Any) -> Submission:
    """What a submitter says."""
    said: dict[str, Any] = {
        "name": "Made up 1.0",
        "link": "https://example.org/made-up",
        "paper": None,
        "training_data": "nothing",
        "notes": "",
    }
    return Submission.model_validate(said | changes)


def write_entry(folder: Path, result: Result, told: Submission | None = None) -> Path:
    """An entry's folder."""
    result.write(folder)
    (folder / "submission.json").write_text((told or submission()).to_json())
    return folder


def change_json(path: Path, change: Change) -> None:
    """Change a file's data."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def replace_predictions(folder: Path, predictions: Predictions, *, admit: bool) -> None:
    """Other predictions; the entry admits it with their SHA-256, or does not."""
    content = predictions.encoded
    (folder / "predictions.parquet").write_bytes(content)
    if admit:
        digest = hashlib.sha256(content).hexdigest()
        change_json(folder / "entry.json", lambda data: data.update(predictions_sha256=digest))
