import json
import shlex

import pytest

from imagenetq.entry_scores import Estimate
from imagenetq.evaluate.leaderboard.site.board import Dataset
from imagenetq.evaluate.leaderboard.site.labels import (
    DASH,
    MINUS,
    TIMES,
    dataset_note,
    dataset_words,
    interval,
    parameters_words,
    percent,
    size_words,
    source_of,
    value_words,
)
from imagenetq.evaluate.leaderboard.site.reproduce_command import options
from site_entries import result


def test_numbers_are_short():
    assert [percent(share) for share in (0.5, 0, -0.0001, -0.123)] == [
        "50.0",
        "0.0",
        "0.0",
        f"{MINUS}12.3",
    ]
    assert [parameters_words(n) for n in (0, 999_999, 1_248_424, 25_557_032, 138_357_544)] == [
        "0",
        "999,999",
        "1.25 M",
        "25.6 M",
        "138 M",
    ]
    assert interval(Estimate(value=0.5, standard_error=0.1, low=0.3, high=0.7)) == f"30.0{DASH}70.0"
    assert interval(Estimate(value=0.5, standard_error=None, low=None, high=None)) == ""


def test_what_an_entry_is_of():
    entry = result(input_size=(224, 192), model="timm/a/b").entry
    assert (size_words(entry), source_of(entry)) == (f"224{TIMES}192", "timm")
    assert [source_of(result(model=name).entry) for name in ("plain", "<b>/x", "")] == ["other"] * 3
    assert size_words(result(input_size=None).entry) == "varies"
    dataset = Dataset("1.0.0", "b" * 64, None, None)
    assert dataset_words(dataset) == "ImageNet-Q 1.0.0, no named subset, source unknown"
    assert "source is not known" in dataset_note(dataset, "demonstration")


def test_settings_are_shown_as_they_are():
    assert [value_words(value) for value in ("a", 1, [1, 2], None)] == ["a", "1", "[1, 2]", "null"]


def test_the_command_says_an_entry_to_a_shell_word_by_word():
    arguments = {"weights": "true", "aux_logits": True, "groups": 2, "image_size": [1, 2]}
    entry = result(model="torchvision/resnet50", arguments=arguments, precision="bf16").entry
    hostile = {"weights_key": "ema; rm *"}
    entry = entry.model_copy(update={"model": entry.model.model_copy(update=hostile)})
    words = shlex.split(options(entry))
    assert words[:2] == ["--model", "torchvision/resnet50"]
    given = dict(word.split("=", 1) for word in words if "=" in word and word[:2] != "--")
    assert given == {
        "weights": '"true"',
        "aux_logits": "true",
        "groups": "2",
        "image_size": "[1, 2]",
    }
    assert json.loads(given["weights"]) == "true"
    assert "--weights-key=ema; rm *" in words
    assert words[words.index("--precision") + 1] == "bf16"


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("timm/$(touch x)", {}),
        ("python/mine:net", {}),
        ("timm/vgg16", {"pretrained_cfg_overlay": {"file": "x"}}),
        ("timm/vgg16", {"global_pool": "x y; rm *"}),
        ("transformers/a/b", {"trust_remote_code": True}),
    ],
)
def test_no_command_is_made_of_what_could_load_code_or_files(model, arguments):
    assert options(result(model=model, arguments=arguments).entry) == ""
