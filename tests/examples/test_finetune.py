"""The fine-tuning example runs by one command, and never evaluates what it trained on."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from imagenetq.evaluate import Result

SCRIPT = Path(__file__).parents[2] / "examples" / "finetune.py"


@pytest.fixture
def finetune(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = spec_from_file_location("finetune", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "finetune", module)
    spec.loader.exec_module(module)
    return module


def test_before_and_after(
    finetune: ModuleType,
    make_source: Any,
    real_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained_on = []
    train = finetune.train

    def watched(network: torch.nn.Module, part: Any, *others: Any) -> None:
        trained_on.extend(image.image_id for image in part.chosen)
        train(network, part, *others)

    monkeypatch.setattr(finetune, "train", watched)
    weights = real_weights / "squeezenet1_0_deepcompression.safetensors"
    source, out = make_source(tmp_path / "images", 5), tmp_path / "out"
    options = {"--weights": weights, "--distort": "contrast", "--epochs": 1, "--batch-size": 2}
    options |= {"--held-out": 2, "--workers": 0, "--device": "cpu", "--out": out}
    words = [str(word) for pair in options.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["finetune.py", str(source), *words])
    finetune.main()
    before, after = (
        Result.read(next(out.glob(f"*{name}/entry.json")).parent) for name in ("before", "after")
    )
    evaluated = {str(image_id) for image_id in before.predictions.image_ids}
    assert (len(evaluated), len(trained_on)) == (2, 3)
    assert not evaluated & {*trained_on}
    assert before.entry.model.weights_sha256 != after.entry.model.weights_sha256
    assert (out / "accuracy.png").stat().st_size > 5000
    state = torch.load(out / "weights.pt", weights_only=True)
    assert all(values.isfinite().all() for values in state.values())
