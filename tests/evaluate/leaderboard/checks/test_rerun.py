"""Answers that are run again are the same, and any that was changed is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from imagenetq.builder import build, open_source
from imagenetq.entry import ZeroShot
from imagenetq.errors import UsageError
from imagenetq.evaluate import Data, Result, evaluate, load_model, open_data
from imagenetq.evaluate.leaderboard.checks.findings import Verdict
from imagenetq.evaluate.leaderboard.checks.rerun import Pair, choose, differences, rerun, run_again
from imagenetq.predictions import Predictions

TINY = "python/tiny_models:tiny"
ONLY = ["clean", "blur-3", "jpeg-10", "jpeg2000-28"]
IMAGES = 6


@pytest.fixture(scope="module")
def data(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Data:
    folder = tmp_path_factory.mktemp("rerunning")
    source = open_source(make_source(folder / "images", IMAGES))
    build(source, folder / "q", subset="mini", only=ONLY, workers=1)
    return open_data(folder / "q")


@pytest.fixture(scope="module")
def results(data: Data, tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Of the tiny network and the baseline."""
    models = [load_model(TINY), load_model("baseline/nearest")]
    return evaluate(models, data, tmp_path_factory.mktemp("results"))


def run(result: Result, data: Data, model: str = TINY, **changes: Any) -> list[str]:
    answers = result.predictions
    if changes:
        kept = {name: getattr(answers, name) for name in Predictions.__dataclass_fields__}
        answers = Predictions(**(kept | changes))
    found = rerun(result.entry, answers, load_model(model), data, n_pairs=1000, seed=1)
    assert all(finding.level == "FAIL" for finding in found)
    return [finding.text for finding in found]


def test_all_answers_are_the_same(results, data):
    assert run(results[0], data) == []
    assert run(results[1], data, "baseline/nearest") == []


@pytest.mark.parametrize("name", ["top5_class", "true_rank", "true_probability"])
def test_one_changed_answer_is_found_with_its_place(results, data, name):
    answers = results[0].predictions
    changed = getattr(answers, name).copy()
    if name == "top5_class":
        changed[4, 2, 0] = (changed[4, 2, 0] + 500) % 1000
    elif name == "true_rank":
        changed[4, 2] = 1001 - changed[4, 2]
    else:
        changed[4, 2] += 0.01
    (line,) = run(results[0], data, **{name: changed})
    assert line.startswith(f"run again, '{answers.image_ids[4]}', {answers.variants[2]}: ")


def test_the_same_seed_chooses_the_same_pairs(results, data):
    answers = results[0].predictions
    chosen = choose(answers, data, 7, seed=3)
    assert chosen == choose(answers, data, 7, seed=3) != choose(answers, data, 7, seed=4)
    assert len(set(chosen)) == 7
    assert len(choose(answers, data, 1000, seed=3)) == IMAGES * len(ONLY)


def test_another_model_is_not_run(results, data):
    (name, *more) = run(results[0], data, "baseline/nearest")
    assert name.startswith("not run again: model.name is 'python/tiny_models:tiny'")
    assert any("model.weights_sha256" in line for line in more)
    assert any("model.preprocessing" in line for line in more)


def test_other_prompts_are_not_run(results, data):
    said = ZeroShot(prompts_sha256="a" * 64, embeddings_sha256="b" * 64)
    model = results[0].entry.model.model_copy(update={"zero_shot": said})
    entry = results[0].entry.model_copy(update={"model": model})
    (line,) = run(Result(entry, results[0].predictions), data)
    assert line.startswith("not run again: model.zero_shot.prompts_sha256 is 'aaaa")


def test_other_data_are_not_run_on(results, data):
    entry = results[0].entry.model_copy(update={"source_digest": "d" * 64, "subset": "full"})
    changed = Result(entry, results[0].predictions)
    source, subset = run(changed, data)
    assert "its source digest is dddddddddddd, but the data's is" in source
    assert "its subset is full, but the data's is mini" in subset


def answered(log_probabilities: np.ndarray, label: int) -> Predictions:
    """What an evaluation would have stored of one image."""
    ranked = np.argsort(-log_probabilities, kind="stable")
    given = np.exp(log_probabilities).astype(np.float32)
    return Predictions(
        image_ids=("one",),
        variants=("clean",),
        labels=np.array([label], np.int16),
        short_sides=np.array([300], np.int32),
        top5_class=ranked[None, None, :5].astype(np.int16),
        top5_probability=given[ranked[None, None, :5]],
        true_probability=given[None, None, label],
        true_rank=np.array([[1 + ranked.tolist().index(label)]], np.int32),
    )


@pytest.mark.parametrize("label", range(0, 1000, 111))
def test_answers_may_differ_where_the_network_is_undecided_and_nowhere_else(label):
    generator = np.random.default_rng(label)
    logits = generator.normal(0, 3, 1000)
    best, second = np.argsort(-logits)[:2]
    logits[second] = logits[best] - 1e-4
    exact = logits - np.log(np.exp(logits).sum())
    stored, pair = answered(exact, label), Pair(0, 0)
    assert list(differences(stored, pair, exact)) == []
    for _ in range(20):
        near = exact + generator.uniform(-0.004, 0.004, 1000)
        assert list(differences(stored, pair, near)) == []
    far = exact.copy()
    far[best] -= 0.05
    assert "place 1 is class" in next(differences(stored, pair, far))
    far = exact.copy()
    far[label] += 0.05
    assert len(list(differences(stored, pair, far))) == 1


def test_only_safe_names_are_loaded_by_themselves(tmp_path, results, data):
    results[0].write(tmp_path / "tiny")
    (tmp_path / "tiny" / "submission.json").write_text(
        '{"name": "a", "link": "https://a.org", "paper": null, "training_data": "b", "notes": ""}'
    )
    verdict = Verdict("tiny", ())
    with pytest.raises(UsageError, match="may load code or files of the submitter's"):
        run_again(tmp_path / "tiny", verdict, data, n_pairs=3)
    again, told = run_again(tmp_path / "tiny", verdict, data, n_pairs=3, seed=5, model=TINY)
    assert again.status == "OK"
    assert told == "tiny: 3 of 24 answers run again, --seed 5"
