"""Networks behind entries: the evaluated ones, or none."""

import dataclasses

import pytest

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate import LoadOptions, Result, load_model
from imagenetq.evaluate.report.entry_networks import load_networks, match_networks

TINY = "python/tiny_models:tiny"
REAL = "torchvision/squeezenet1_0"


def changed(result, **changes):
    model = result.entry.model.model_copy(update=changes)
    return Result(result.entry.model_copy(update={"model": model}), result.predictions)


def test_a_network_is_loaded_as_it_was_evaluated(results, tiny):
    (loaded,) = load_networks(results, [TINY])
    assert loaded.weights_sha256 == results[0].entry.model.weights_sha256
    assert loaded.preprocessing == tiny.preprocessing
    assert not loaded.module.training
    assert match_networks(results, [loaded]) == [loaded, None]


def test_the_baseline_has_no_weights_and_matches(results):
    (loaded,) = load_networks(results, ["baseline/nearest"])
    assert match_networks(results, [loaded]) == [None, loaded]


def test_preprocessing_comes_from_the_entry(results):
    record = results[0].entry.model.preprocessing | {"mean": [0.1, 0.2, 0.3], "crop": [20, 24]}
    (loaded,) = load_networks([changed(results[0], preprocessing=record)], [TINY])
    assert loaded.preprocessing.record() == record


@pytest.mark.parametrize(
    "change", [{"corner": "down"}, {"crop": None}, {"mean": "x"}, {"crop": [10**5, 10**5]}]
)
def test_preprocessing_that_cannot_be_had_is_refused(results, change):
    record = results[0].entry.model.preprocessing | change
    with pytest.raises(ModelError, match="preprocessing here is not the one that the entry"):
        load_networks([changed(results[0], preprocessing=record)], [TINY])


def test_a_network_of_other_weights_is_refused(results):
    other = changed(results[0], weights_sha256="d" * 64)
    with pytest.raises(ModelError, match=r"not the evaluated ones \(dddddddddddd\); give those"):
        load_networks([other], [TINY])


def test_weights_of_no_entry_are_refused(results, tmp_path):
    file = tmp_path / "other.safetensors"
    file.write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"is not that of the evaluated weights .*another network"):
        load_networks(results, [TINY], [str(file)])
    with pytest.raises(ModelError, match="no such file"):
        load_networks(results, [TINY], [str(tmp_path / "none")])
    with pytest.raises(UsageError, match="say with --model whose they are"):
        load_networks(results, [], [str(file)])


def test_a_name_that_no_entry_has_suggests_near_ones(results):
    with pytest.raises(UsageError, match="no entry is of model 'baseline/neares'; did you mean"):
        load_networks(results, ["baseline/neares"])


def test_a_model_from_a_notebook_has_no_source(results):
    with pytest.raises(UsageError, match="no model 'mine'; models are named timm/NAME"):
        load_networks([changed(results[0], name="mine")], ["mine"])


def test_real_weights_are_found_by_their_hash(real_file, real_result):
    (loaded,) = load_networks([real_result], [REAL], [real_file])
    assert match_networks([real_result], [loaded]) == [loaded]
    in_a_notebook = load_model(REAL, LoadOptions(weights=real_file))
    assert match_networks([real_result], [in_a_notebook]) == [in_a_notebook]
    other = dataclasses.replace(in_a_notebook, arguments={"dropout": 0.1})
    assert match_networks([real_result], [other]) == [None]
