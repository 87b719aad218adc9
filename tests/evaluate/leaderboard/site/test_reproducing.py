"""What the site prints evaluates an entry again."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagenetq.cli import app
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
