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
    ladders,
    percent,
    source_of,
    value_words,
)
from imagenetq.evaluate.leaderboard.site.reproduce_command import options
from imagenetq.evaluate.results.format import input_size, parameters
from site_entries import result


def test_numbers_are_short():
    assert [percent(share) for share in (0.5, 0, -0.0001, -0.123)] == [
        "50.0",
        "0.0",
        "0.0",
        f"{MINUS}12.3",
    ]
    sizes = (0, 999_999, 1_248_424, 25_557_032, 138_357_544)
    assert [parameters(n, "M") for n in sizes] == ["0", "999,999", "1.25 M", "25.6 M", "138 M"]
    assert interval(Estimate(value=0.5, standard_error=0.1, low=0.3, high=0.7)) == f"30.0{DASH}70.0"
    assert interval(Estimate(value=0.5, standard_error=None, low=None, high=None)) == ""


def test_what_an_entry_is_of():
    assert source_of(result(model="timm/a/b").entry) == "timm"
    assert (input_size((224, 192)), input_size(None)) == (f"224{TIMES}192", "varies")
    assert [source_of(result(model=name).entry) for name in ("plain", "<b>/x", "")] == ["other"] * 3
    dataset = Dataset("1.0.0", "b" * 64, None, None)
    assert dataset_words(dataset) == "ImageNet-Q 1.0.0, no named subset, source unknown"
    assert "source is not known" in dataset_note(dataset, "demonstration")


def test_parameters_are_named_as_in_print():
    names = [ladder["parameter"] for ladder in ladders()]
    assert names == ["sigma", "sigma", "factor", "quality", "PSNR"]


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
