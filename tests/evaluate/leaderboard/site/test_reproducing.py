"""What the site prints evaluates an entry again."""

import inspect
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from typer.testing import CliRunner

from imagenetq.cli import app
from imagenetq.commands.evaluating import evaluate
from imagenetq.evaluate import Result
from imagenetq.evaluate.leaderboard.site.reproduce_command import options, unsaid
from site_entries import result

WEIGHTS = "squeezenet1_0_deepcompression.safetensors"


def evaluated(out: Path, *words: str) -> Result:
    ended = CliRunner().invoke(
        app, ["eval", *words, "--workers", "1", "--device", "cpu", "--out", str(out)]
    )
    assert ended.exit_code == 0, ended.output
    (folder,) = (path for path in out.iterdir() if path.name != ".originals")
    return Result.read(folder)


def test_the_printed_command_gives_the_same_predictions(
    real_weights: Path, imagenet_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [
        *("--model", "torchvision/squeezenet1_0", "--weights", str(real_weights / WEIGHTS)),
        *("--mean", "0.4,0.5,0.6", "--std", "0.5", "--input-size", "160"),
        *("--interpolation", "bicubic", "--source", str(imagenet_sample), "--subset", "mini"),
        *("--limit", "6", "--only", "blur-3"),
    ]
    first = evaluated(tmp_path / "first", *given)
    assert first.entry.clean_check is not None
    assert first.entry.clean_check.n_images == 6
    (note, _) = unsaid(first.entry)
    assert "--allow-short" in options(first.entry)
    assert WEIGHTS in note
    monkeypatch.chdir(real_weights)
    printed = shlex.split(options(first.entry))
    printed[printed.index("IMAGENET")] = str(imagenet_sample)
    again = evaluated(tmp_path / "again", *printed)
    assert again.entry.predictions_sha256 == first.entry.predictions_sha256
    # An entry from before overrides were recorded repeats its whole preprocessing.
    model = first.entry.model.model_copy(update={"overrides": None})
    older = shlex.split(options(first.entry.model_copy(update={"model": model})))
    assert {"--mean=0.4,0.5,0.6", "--input-size=160,160"} <= set(older)


def test_what_no_command_can_say_is_said() -> None:
    (first, *_) = unsaid(result(model="mine").entry)
    assert "at hand in Python" in first
    assert any("its author" in line for line in unsaid(result(model="python/a:b").entry))


def test_so_it_does_with_a_class_map_arguments_precision_a_weights_key_and_bad_photographs(
    make_source: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_source(tmp_path / "IMAGENET", 4)
    bad = next(source.rglob("*_00000002.JPEG"))
    bad.write_bytes(bad.read_bytes()[:200])
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(3)
    networks = [
        timm.create_model("test_resnet", num_classes=1003, drop_rate=0.5).state_dict()
        for _ in range(2)
    ]
    torch.save(dict(zip(("state_dict", "state_dict_ema"), networks, strict=True)), "two.pt")
    Path("mine.json").write_text(json.dumps(list(range(1002, 2, -1))))
    given = [
        *("--model", "timm/test_resnet", "--weights", "two.pt", "--weights-key", "state_dict_ema"),
        *("--model-arg", "num_classes=1003", "--model-arg", "drop_rate=0.5"),
        *("--class-map", "mine.json", "--precision", "bf16", "--interpolation", "nearest"),
        *("--source", "IMAGENET", "--subset", "mini", "--only", "jpeg-10", "--skip-bad"),
    ]
    first = evaluated(tmp_path / "first", *given)
    Path("mine.json").unlink()
    Path("class_map.json").write_text(json.dumps(first.entry.model.class_map))
    printed = shlex.split(options(first.entry))
    again = evaluated(tmp_path / "again", *printed)
    assert again.entry.predictions_sha256 == first.entry.predictions_sha256
    assert again.entry.n_images == 3


def test_no_option_that_decides_the_answers_is_forgotten() -> None:
    """A new option of `eval` is either printed, or named here as one that changes no answer."""
    changes_nothing = {
        *("data", "device", "batch_size", "workers", "render", "cache", "cache_gigabytes"),
        "models",  # a file whose lines give the others
        *("check_pixels", "overwrite", "out", "as_json"),
    }
    printed = {
        *("model", "weights", "weights_key", "model_arg", "mean", "std", "input_size"),
        *("interpolation", "class_map", "source", "subset", "allow_short", "limit", "skip_bad"),
        *("only", "precision", "compiled"),
    }
    assert inspect.signature(evaluate).parameters.keys() == changes_nothing | printed
