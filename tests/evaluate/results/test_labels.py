"""Other labels: read or refused in one line, judged as a plain loop does, never in the score."""

import json
import re

import numpy as np
import pytest

from fake_predictions import ALL, columns, random_columns, random_predictions, run
from imagenetq.entry import read_entry
from imagenetq.errors import EntryError, LabelsError
from imagenetq.evaluate.results import Result
from imagenetq.evaluate.results.comparison import compare
from imagenetq.evaluate.results.console import result_html, result_lines
from imagenetq.evaluate.results.labels import MAX_BYTES, N_VALIDATION, Labels, with_labels
from imagenetq.predictions import Predictions
from imagenetq.specification import variants


def several(predictions, seed=0):
    """For each image its label and another class, or, for one in five, none."""
    generator = np.random.default_rng(seed)
    return {
        image_id: [] if i % 5 == 4 else [int(label), int(generator.integers(1000))]
        for i, (image_id, label) in enumerate(
            zip(predictions.image_ids, predictions.labels, strict=True)
        )
    }


def written(tmp_path, held, name="real.json"):
    path = tmp_path / name
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    return path


def test_accuracies_are_those_of_a_plain_loop(tmp_path):
    predictions = random_predictions(40)
    held = several(predictions)
    got = Labels.read(written(tmp_path, held)).of(predictions).scores()
    assert (got.n_images, got.n_unlabelled, got.name) == (32, 8, "real.json")
    kept = [i for i, image_id in enumerate(predictions.image_ids) if held[image_id]]
    share, own = {}, {}
    for column, name in enumerate(ALL):
        answers = predictions.top5_class[kept, column, 0]
        ids = [predictions.image_ids[i] for i in kept]
        share[name] = np.mean([int(a) in held[i] for a, i in zip(answers, ids, strict=True)])
        own[name] = np.mean(answers == predictions.labels[kept])
    assert {n: p.value for n, p in got.other.variants.items()} == pytest.approx(share)
    assert {n: p.value for n, p in got.own.variants.items()} == pytest.approx(own)
    means = []
    for distortion in ("blur", "noise", "contrast", "jpeg", "jpeg2000"):
        names = [
            v.name
            for v in variants()
            if v.distortion == distortion and v.name not in ("contrast-1.0", "contrast-0.0")
        ]
        means.append(np.mean([share[name] for name in names]))
        assert got.other.distortions[distortion].value == pytest.approx(means[-1])
    assert got.other.mean.value == pytest.approx(np.mean(means))


def test_the_datas_own_labels_give_the_scores(tmp_path):
    predictions = random_predictions(30)
    pairs = zip(predictions.image_ids, predictions.labels.tolist(), strict=True)
    path = written(tmp_path, {f"{image_id}.JPEG": [label] for image_id, label in pairs})
    got = Labels.read(path).of(predictions).scores()
    assert got.other == got.own
    scores = Result.of(run(), predictions).scores
    assert got.other.mean == scores.score
    assert {n: held.top1 for n, held in scores.variants.items()} == got.other.variants


def test_a_list_is_in_validation_order(tmp_path):
    made = random_columns(6, ("clean",))
    made["image_id"] = [f"ILSVRC2012_val_{i:08d}" for i in (1, 2, 3, 40_000, 49_999, 50_000)]
    predictions = Predictions.from_columns(made)
    listed: list[list[int]] = [[] for _ in range(N_VALIDATION)]
    for image_id, answer in zip(
        predictions.image_ids, predictions.top5_class[:, 0, 0].tolist(), strict=True
    ):
        listed[int(image_id[-8:]) - 1] = [(answer + 1) % 1000, answer]
    got = Labels.read(written(tmp_path, listed)).of(predictions)
    assert got.right.all()
    assert got.n_unlabelled == 0


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("[]", "no labels; it must be a list of lists in validation order, or an object"),
        ("{}", "no labels"),
        ("3", "no labels"),
        ("[[1], [2]]", "a list of 2, but .* has 50000 images; give an object from image id to"),
        ('{"a": []}', "no image in it has a label"),
        ('{"a": 5}', "'a' has no list of labels"),
        ('{"a": [1000]}', "'a' has the label '1000', which is no class from 0 to 999"),
        ('{"a": [-1]}', "has the label '-1'"),
        ('{"a": [1.0]}', "has the label '1.0'"),
        ('{"a": [true]}', "has the label 'True'"),
        ('{"a": ["n01440764"]}', "has the label 'n01440764'"),
        ('{"a": [1], "a": [2]}', "'a' is there twice"),
        ('{"a": [1], "a.JPEG": [2]}', "'a' is there twice"),
        ("[" * 100_000, "too deep"),
        ('{"a": [1]', "no JSON"),
    ],
)
def test_what_are_no_labels_is_refused(tmp_path, held, message):
    with pytest.raises(LabelsError, match=message) as raised:
        Labels.read(written(tmp_path, held))
    assert str(raised.value).startswith(str(tmp_path / "real.json"))
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(LabelsError, match="cannot be read"):
        Labels.read(tmp_path / "absent.json")
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(LabelsError, match="too large"):
        Labels.read(huge)


def test_labels_of_other_images_are_refused(tmp_path):
    predictions = random_predictions(3)
    labels = Labels.read(written(tmp_path, {"coffee": [967]}))
    with pytest.raises(
        LabelsError, match=r"real\.json: of other images: it names 'coffee', but .*_val_00000000"
    ):
        labels.of(predictions)
    some = {"coffee": [967], predictions.image_ids[0]: []}
    with pytest.raises(LabelsError, match="none of the results' images has a label"):
        Labels.read(written(tmp_path, some)).of(predictions)


def test_an_entry_keeps_them_beside_its_scores(tmp_path):
    result = Result.of(run(), random_predictions(20))
    labels = Labels.read(written(tmp_path, several(result.predictions)))
    scores = labels.of(result.predictions).scores()
    entry = with_labels(with_labels(result.entry, scores), scores)
    result.write(tmp_path / "r")
    Result(entry, result.predictions).write_entry(tmp_path / "r")
    again = Result.read(tmp_path / "r")
    assert again.entry.other_labels == (scores,)
    assert again.entry.scores == result.entry.scores
    assert again.contradictions() == []
    lines = result_lines(again)
    assert "by real.json, 16 photographs; 4 have no label in it:" in lines
    assert sum(re.match(r"\w+ by real\.json: ", line) is not None for line in lines) == 5
    assert "  by real.json" in result_html(again)
    for place in range(4):
        other = scores.model_copy(update={"sha256": f"{place}" * 64})
        if place < 3:
            entry = with_labels(entry, other)
    with pytest.raises(EntryError, match="4 sets of labels"):
        with_labels(entry, other)


@pytest.mark.parametrize(
    "change",
    [
        {"n_images": 3},
        {"name": "a\x1b[2Jb"},
        {"sha256": "x"},
        {"other": {"variants": {}, "distortions": {}, "mean": None}},
    ],
)
def test_a_strangers_entry_cannot_hold_just_anything(tmp_path, change):
    result = Result.of(run(), random_predictions(20))
    scores = Labels.read(written(tmp_path, several(result.predictions))).of(result.predictions)
    told = json.loads(with_labels(result.entry, scores.scores()).to_json())
    told["other_labels"][0] |= change
    with pytest.raises(EntryError):
        read_entry(written(tmp_path, told, "entry.json"))


def test_two_results_are_compared_by_them(tmp_path):
    first, second = (Result.of(run(), random_predictions(30, seed=seed)) for seed in (1, 2))
    labels = Labels.read(written(tmp_path, several(first.predictions)))
    got = compare(first, second, labels).labels
    one, other = (labels.of(held.predictions).scores() for held in (first, second))
    assert (got.n_images, got.n_unlabelled) == (24, 6)
    assert got.mean.value == pytest.approx(one.other.mean.value - other.other.mean.value)
    for name, held in got.variants.items():
        gap = one.other.variants[name].value - other.other.variants[name].value
        assert held.difference.value == pytest.approx(gap, abs=1e-9)
    assert compare(first, second).labels is None


def test_a_label_in_the_list_twice_counts_once(tmp_path):
    rank = np.array([[1], [2]])
    predictions = Predictions.from_columns(columns(rank, ("clean",)))
    ids = predictions.image_ids
    answers = predictions.top5_class[:, 0, 0].tolist()
    held = {ids[0]: [answers[0]] * 3, ids[1]: [(answers[1] + 1) % 1000]}
    right = Labels.read(written(tmp_path, held)).of(predictions).right
    assert right[:, 0].tolist() == [True, False]
