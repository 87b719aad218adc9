"""A checkpoint of several networks' weights: chosen, recorded, and never taken for another."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import tiny_models  # noqa: E402
from imagenetq.builder import open_source  # noqa: E402
from imagenetq.entry import Entry, read_entry  # noqa: E402
from imagenetq.errors import UsageError  # noqa: E402
from imagenetq.evaluate import CleanSource, LoadOptions, Result, load_model  # noqa: E402
from imagenetq.evaluate.evaluation.plan import make_plan  # noqa: E402
from imagenetq.evaluate.leaderboard.checks.rerun import rerun  # noqa: E402
from imagenetq.evaluate.report.entry_networks import load_networks, match_networks  # noqa: E402

TINY = "python/tiny_models:tiny"
VARIANTS = ("clean", "jpeg-10")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    network, _ = tiny_models.tiny()
    first = network.state_dict()
    second = {name: -tensor for name, tensor in first.items()}
    torch.save({"state_dict": first, "state_dict_ema": second}, tmp_path / "both.pt")
    return tmp_path / "both.pt"


def test_the_choice_is_demanded_made_and_recorded(
    file: Path, tmp_path: Path, call: Callable[..., Any]
) -> None:
    def evaluated(*key: str) -> Any:
        what = ["--model", TINY, "--source", "sample", "--only", "jpeg-10", "--limit", 4]
        how = ["--workers", 1, "--device", "cpu", "--out", tmp_path / "".join(key)]
        return call("eval", *what, *how, "--weights", file, *key, cwd=tmp_path)

    refused = evaluated()
    assert refused.returncode
    assert "holds 2 sets of this network's weights (state_dict, state_dict_ema)" in refused.stderr
    ended = evaluated("--weights-key", "state_dict_ema")
    assert ended.returncode == 0, ended.stderr
    (folder,) = (tmp_path / "--weights-keystate_dict_ema").glob("python*")
    result = Result.read(folder)
    ema = result.entry.model
    assert ema.weights_key == "state_dict_ema"

    data = CleanSource(open_source("sample"), originals=tmp_path / "o")
    own, other = (
        load_model(TINY, LoadOptions(str(file), weights_key=key))
        for key in ("state_dict_ema", "state_dict")
    )
    assert own.weights_sha256 == other.weights_sha256 == ema.weights_sha256
    assert own.tensors_sha256 == ema.tensors_sha256
    assert other.tensors_sha256 == load_model(TINY).tensors_sha256 != ema.tensors_sha256
    # One file's hash does not make them one network.
    assert match_networks([result], [other]) == [None]
    assert match_networks([result], load_networks([result], [TINY], [str(file)])) != [None]
    assert rerun(result.entry, result.predictions, own, data, n_pairs=4, seed=1) == []
    told = rerun(result.entry, result.predictions, other, data, n_pairs=4, seed=1)
    assert "model.weights_key is 'state_dict_ema', but that of the loaded" in told[0].text
    # The same tensors in a file of their own are the same network.
    torch.save(own.module.state_dict(), tmp_path / "ema.pt")
    alone = load_model(TINY, LoadOptions(str(tmp_path / "ema.pt")))
    assert alone.tensors_sha256 == ema.tensors_sha256
    assert rerun(result.entry, result.predictions, alone, data, n_pairs=4, seed=1) == []


def test_a_plan_is_not_another_keys(file: Path, tmp_path: Path) -> None:
    identity: Any = CleanSource(open_source("sample"), originals=tmp_path / "o").identity
    plans = [
        make_plan(
            load_model(TINY, LoadOptions(str(file), weights_key=key)).described(),
            identity,
            VARIANTS,
            "fp32",
            None,
        )
        for key in ("state_dict", "state_dict_ema")
    ]
    assert plans[0] != plans[1]
    assert plans[0].model_copy(update={"weights_key": "state_dict_ema"}) == plans[1]


def test_an_entry_from_before_is_read(tmp_path: Path) -> None:
    entries = Path(__file__).parents[3] / "leaderboard" / "entries"
    old = entries / "mobilenetv2-1.0-dequantised-int8" / "entry.json"
    assert "tensors_sha256" not in json.loads(old.read_text())["model"]
    entry = read_entry(old)
    assert (entry.model.tensors_sha256, entry.model.weights_key, entry.model.outputs) == (None,) * 3
    (tmp_path / "entry.json").write_text(entry.to_json())
    assert isinstance(read_entry(tmp_path / "entry.json"), Entry)


def test_a_key_without_a_checkpoint_is_refused(file: Path) -> None:
    for name, weights in ((TINY, None), ("caffe/vgg16", str(file)), ("baseline/nearest", None)):
        with pytest.raises(UsageError, match=r"--weights-key ema: only of a checkpoint that --wei"):
            load_model(name, LoadOptions(weights, weights_key="ema"))
