"""The file for a model's page on the Hub, read back by the Hub's own client."""

from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from fake_predictions import random_predictions, result, run
from imagenetq.errors import EntryError, FolderError, UsageError
from imagenetq.evaluate.results.hub_export import SCORE_TASK, hub_results, write_hub_results
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import LADDERS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def made() -> Result:
    """A result of the paper's 10,000 images, so to speak."""
    return result(30)


def test_the_client_reads_back_what_was_written(tmp_path: Path) -> None:
    evaluated = made()
    path = write_hub_results(
        evaluated, f"org/imagenet-q@{COMMIT}", tmp_path, source="https://example.org/entry"
    )
    assert path == tmp_path / ".eval_results" / "imagenet-q.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert entries == hub_results(
        evaluated, f"org/imagenet-q@{COMMIT}", source="https://example.org/entry"
    )
    scores = evaluated.scores
    expected = {
        SCORE_TASK: scores.score.value,
        "clean": scores.variants["clean"].top1.value,
    } | {ladder.distortion: scores.distortions[ladder.distortion].mean.value for ladder in LADDERS}
    assert {entry.task_id: entry.value for entry in entries} == {
        task: round(100 * value, 2) for task, value in expected.items()
    }
    for entry in entries:
        assert (entry.dataset_id, entry.dataset_revision) == ("org/imagenet-q", COMMIT)
        assert (entry.source_url, entry.source_name) == (
            "https://example.org/entry",
            "ImageNet-Q entry",
        )
        assert evaluated.entry.predictions_sha256 in entry.notes
        assert f"{evaluated.entry.n_images} photographs, {evaluated.entry.precision}" in entry.notes


def test_without_commit_and_source_there_are_none(tmp_path: Path) -> None:
    path = write_hub_results(made(), "org/imagenet-q", tmp_path)
    (first, *_) = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(first) == ["dataset", "value", "notes"]
    assert first["dataset"] == {"id": "org/imagenet-q", "task_id": SCORE_TASK}


def test_what_was_not_evaluated_is_left_out() -> None:
    names = ("clean", *(f"jpeg-{quality}" for quality in range(20, 0, -2)))
    evaluated = Result.of(run(), random_predictions(12, names))
    tasks = [entry.task_id for entry in hub_results(evaluated, "org/q")]
    assert tasks == ["clean", "jpeg"]


def test_what_is_no_result_for_the_hub_is_refused() -> None:
    with pytest.raises(UsageError, match="write hf:ORG/NAME"):
        hub_results(made(), "imagenet-q")
    with pytest.raises(UsageError, match=r"after @ give the dataset's commit, 40 hex"):
        hub_results(made(), "org/q@v1.0.0")
    sample = Result.of(run().model_copy(update={"subset": "sample"}), random_predictions(9))
    with pytest.raises(UsageError, match="the embedded sample, a demonstration"):
        hub_results(sample, "org/q")
    honest = made()
    scores = honest.entry.scores.model_copy(update={"calibration_error": 0.123})
    boast = Result(honest.entry.model_copy(update={"scores": scores}), honest.predictions)
    with pytest.raises(EntryError, match="scores is not what the predictions give; evaluate again"):
        hub_results(boast, "org/q")
    nothing = Result.of(run(), random_predictions(9, ("jpeg-10",)))
    with pytest.raises(EntryError, match="neither clean images nor a whole distortion"):
        hub_results(nothing, "org/q")


def test_the_command_prints_where_it_wrote(tmp_path: Path, call) -> None:
    made().write(tmp_path / "result")
    ended = call("eval-results", "result", "--dataset", "org/q", "--out", "model", cwd=tmp_path)
    assert ended.returncode == 0
    assert ended.stderr == (
        "warning: A demonstration on 30 photographs: its source (cccccccccccc) is not registered. "
        "A model's page should show no such result\n"
    )
    path = tmp_path / ended.stdout.strip()
    assert path == tmp_path / "model" / ".eval_results" / "imagenet-q.yaml"
    assert len(parse_eval_result_entries(yaml.safe_load(path.read_text()))) == 7
    missing = call("eval-results", "none", "--dataset", "org/q", cwd=tmp_path)
    assert missing.returncode == 1
    assert "entry.json: cannot be read" in missing.stderr


def test_another_result_s_file_is_kept_until_one_insists(tmp_path: Path, call) -> None:
    made().write(tmp_path / "result")
    result(31, seed=8).write(tmp_path / "other")
    said = ("--dataset", "org/q", "--out", tmp_path)
    path = tmp_path / ".eval_results" / "imagenet-q.yaml"
    assert call("eval-results", tmp_path / "result", *said).returncode == 0
    first = path.read_bytes()
    again = call("eval-results", tmp_path / "result", *said, "--source", "https://example.org/e")
    assert again.returncode == 0
    assert path.read_bytes() != first
    kept = path.read_bytes()
    refused = call("eval-results", tmp_path / "other", *said)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    first_sha256, other_sha256 = (
        Result.read(tmp_path / name).entry.predictions_sha256[:12] for name in ("result", "other")
    )
    assert line.startswith(f"imagenetq: {path} holds the result of 'timm/made_up', predictions ")
    assert f"{first_sha256}; this is of 'timm/made_up', predictions {other_sha256}; give" in line
    assert path.read_bytes() == kept
    assert call("eval-results", tmp_path / "other", *said, "--overwrite").returncode == 0
    assert other_sha256 in path.read_text()


@pytest.mark.parametrize("text", ["", "mine: true", "[1]", "- notes: mine", "[" * 5000, "\xff"])
def test_a_stranger_s_file_is_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".eval_results" / "imagenet-q.yaml"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FolderError, match=r"imagenet-q.yaml holds what eval-results did not write"):
        write_hub_results(made(), "org/q", tmp_path)
    assert path.read_bytes() == text.encode("latin-1")


def test_results_of_others_beside_ours_are_kept(tmp_path: Path) -> None:
    path = write_hub_results(made(), "org/q", tmp_path)
    with path.open("a") as file:
        file.write("- {dataset: {id: org/other, task_id: t}, value: 1.0, notes: mine}\n")
    with pytest.raises(FolderError, match="holds what eval-results did not write"):
        write_hub_results(made(), "org/q", tmp_path)
