"""The published schemas are those of the code, and the published example is true."""

import json
import re
from pathlib import Path

import pytest

from fake_entries import honest, submission
from imagenetq.evaluate.leaderboard.entry.schema import schemas, write_schemas
from imagenetq.evaluate.leaderboard.entry.submission import FOLDER_PATTERN, Submission

ROOT = Path(__file__).parents[4] / "leaderboard"


@pytest.mark.parametrize("name", ["entry-1.json", "submission-1.json"])
def test_what_is_published_is_what_is_checked(name):
    published = json.loads((ROOT / "schema" / name).read_text())
    # `make schemas` writes them; a changed format is a new version.
    assert published == json.loads(schemas()[name])


def test_all_schemas_are_published(tmp_path):
    write_schemas(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in (ROOT / "schema").iterdir())


@pytest.mark.parametrize(
    ("name", "text"),
    [("entry-1.json", honest(2).entry.to_json()), ("submission-1.json", submission().to_json())],
)
def test_a_schema_demands_every_field_and_no_other(name, text):
    schema = json.loads(schemas()[name])
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(json.loads(text))
    optional = {
        "format_version",
        "predictions",
        "warnings",
        "bad_images",
        "clean_check",
        "other_labels",
    }
    assert set(schema["properties"]) - set(schema["required"]) <= optional


def test_the_example_in_the_readme_is_a_submission():
    text = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    told = Submission.model_validate_json(example)
    assert told.predictions is not None
    assert FOLDER_PATTERN in text
