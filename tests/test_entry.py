"""`entry.json` comes from anyone: it is complete, bounded and printable, or refused."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from fake_predictions import ALL, result, run
from imagenetq.entry import Entry, EntryModel, VariantCounts, read_entry
from imagenetq.errors import EntryError

ENTRY = result(4).entry
DATA: dict[str, Any] = json.loads(ENTRY.to_json())


def test_round_trip(tmp_path):
    path = tmp_path / "entry.json"
    path.write_text(ENTRY.to_json())
    assert read_entry(path) == ENTRY
    assert read_entry(path).to_json() == ENTRY.to_json()


def test_it_holds_what_the_contract_lists():
    assert list(DATA) == [
        "format_version",
        "model",
        "dataset_version",
        "specification_digest",
        "source_digest",
        "subset",
        "precision",
        "hardware",
        "versions",
        "code_version",
        "code_commit",
        "warnings",
        "bad_images",
        "clean_check",
        "n_images",
        "variants",
        "scores",
        "predictions_sha256",
        "other_labels",
    ]
    assert list(DATA["model"]) == list(EntryModel.model_fields)
    assert list(DATA["variants"]) == list(DATA["scores"]["variants"]) == list(ALL)
    assert list(DATA["variants"]["clean"]) == list(VariantCounts.model_fields)
    assert DATA["scores"]["score_name"] == "imagenet-q-score-1"


def test_what_may_be_unknown_is_null():
    bare = run(source_digest=None, subset=None, code_commit=None)
    model = bare.model.model_copy(update={"weights_sha256": None, "input_size": None})
    entry = Entry.model_validate(
        dict(ENTRY) | dict(bare) | {"model": model, "n_images": ENTRY.n_images}
    )
    assert json.loads(entry.to_json())["source_digest"] is None


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for parent in parents:
            data = data[parent]
        data[last] = value

    return change


def move_first_to_the_end(path: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for part in path.split("/"):
            data = data[part]
        first = next(iter(data))
        data[first] = data.pop(first)

    return change


def deep(n: int) -> Any:
    return {} if n == 0 else {"a": deep(n - 1)}


BROKEN: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("format_version", put("format_version", 2)),
    ("more", put("more", 1)),
    (r"a\x1b\n\u202e", put("a\x1b\n\u202e", 1)),
    ("x" * 80 + ": ", put("x" * 10_000, 1)),
    ("model.more", put("model/more", 1)),
    ("model.name", put("model/name", 7)),
    ("model.name", put("model/name", "x" * 1001)),
    ("model.name", put("model/name", "a\x1b[31mb")),
    ("model.name", put("model/name", "a\u202eb")),
    ("model.weights_sha256", put("model/weights_sha256", "A" * 64)),
    ("model.weights_sha256", put("model/weights_sha256", "a" * 64 + "\n")),
    ("model.parameters", put("model/parameters", -1)),
    ("model.parameters", put("model/parameters", 10**30)),
    ("model.parameters", put("model/parameters", 1.5)),
    ("model.parameters", put("model/parameters", "1000")),
    ("model.parameters", put("model/parameters", True)),
    ("model.input_size", put("model/input_size", [224, 0])),
    ("model.input_size", put("model/input_size", [224, 224, 3])),
    ("model.preprocessing", put("model/preprocessing/mean", deep(7))),
    ("model.preprocessing", put("model/preprocessing/mean", list(range(3000)))),
    ("model.preprocessing", put("model/preprocessing/mean", "x" * 1001)),
    ("model.preprocessing", put("model/preprocessing/mean", "\x07")),
    ("model.preprocessing", put("model/preprocessing/a\x07b", 1)),
    ("model.preprocessing", put("model/preprocessing/mean", float("nan"))),
    ("model.preprocessing", put("model/preprocessing/mean", 2**60)),
    ("model.arguments", put("model/arguments/a", float("inf"))),
    ("dataset_version", put("dataset_version", "1.0")),
    ("dataset_version", put("dataset_version", "1.0.0\n")),
    ("specification_digest", put("specification_digest", None)),
    ("source_digest", put("source_digest", "c" * 63)),
    ("subset", put("subset", "half")),
    ("precision", put("precision", "int8")),
    ("hardware", put("hardware", {str(i): "" for i in range(101)})),
    ("hardware.device", put("hardware/device", 1)),
    ("versions.torch", put("versions/torch", "\r")),
    ("code_commit", put("code_commit", "HEAD")),
    ("warnings", put("warnings", ["w"] * 101)),
    ("warnings.0", put("warnings", ["a\nb"])),
    ("n_images", put("n_images", 0)),
    ("the file", put("variants/blur-10", {"correct_top1": 0, "correct_top5": 0, "total": 4})),
    ("the file", move_first_to_the_end("variants")),
    ("the file", put("n_images", 5)),
    ("variants.clean", put("variants/clean/correct_top1", 5)),
    ("variants.clean.correct_top1", put("variants/clean/correct_top1", -1)),
    ("variants.clean.total", put("variants/clean/total", 0)),
    ("scores.score_name", put("scores/score_name", "mCE")),
    ("scores.score.value", put("scores/score/value", float("nan"))),
    ("scores.score.low", put("scores/score/low", float("-inf"))),
    ("scores.variants.clean.top1.value", put("scores/variants/clean/top1/value", 1.1)),
    ("scores", move_first_to_the_end("scores/variants")),
    ("scores", move_first_to_the_end("scores/distortions")),
    ("scores", lambda data: data["scores"]["distortions"].pop("blur")),
    ("scores.sizes", lambda data: data["scores"]["sizes"].extend(3 * data["scores"]["sizes"])),
    ("predictions_sha256", lambda data: data.pop("predictions_sha256")),
]


@pytest.mark.parametrize(("place", "change"), BROKEN, ids=range(len(BROKEN)))
def test_what_does_not_belong_is_refused_in_one_line(tmp_path, place, change):
    data = copy.deepcopy(DATA)
    change(data)
    path = tmp_path / "entry.json"
    path.write_text(json.dumps(data))
    with pytest.raises(EntryError) as refused:
        read_entry(path)
    message = str(refused.value)
    damaged = f"{path}: damaged or of another version: {place}"
    assert message.startswith(damaged) or message.endswith("is no number of JSON")
    assert message.isprintable()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"a":' * 10_000, b"[" * 100_000]
)
def test_what_is_no_entry_is_refused(tmp_path, content):
    path = tmp_path / "entry.json"
    path.write_bytes(content)
    with pytest.raises(EntryError, match="damaged"):
        read_entry(path)


def test_a_missing_or_large_file_is_refused(tmp_path):
    with pytest.raises(EntryError, match=r"cannot be read \(No such file"):
        read_entry(tmp_path / "entry.json")
    with (tmp_path / "entry.json").open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(EntryError, match="1048577 bytes is too large"):
        read_entry(tmp_path / "entry.json")


def test_an_entry_cannot_be_changed():
    with pytest.raises(ValidationError):
        ENTRY.n_images = 3
