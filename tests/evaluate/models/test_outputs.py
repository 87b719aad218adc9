"""Logits, probabilities, or neither: told by values, and probabilities undone."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from imagenetq.builder import open_source  # noqa: E402
from imagenetq.evaluate import CleanSource, Preprocessing, Settings, evaluate  # noqa: E402
from imagenetq.evaluate.models.assemble import assemble  # noqa: E402
from imagenetq.evaluate.models.base import LoadOptions, Network  # noqa: E402
from imagenetq.evaluate.models.outputs import kind_of, settle  # noqa: E402

RAW = Preprocessing((32, 32), "bilinear", None, (0.5,) * 3, (0.5,) * 3)
ENDS = {
    "logits": torch.nn.Identity(),
    "softmax": torch.nn.Softmax(dim=1),
    "log-softmax": torch.nn.LogSoftmax(dim=1),
    "sigmoid": torch.nn.Sigmoid(),
}


def network(end: str) -> "torch.nn.Module":
    torch.manual_seed(2)
    layers = [torch.nn.Conv2d(3, 8, 8, stride=8), torch.nn.ReLU(), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(128, 1000), ENDS[end])


def model(end: str, name: str = "x/y") -> Any:
    return assemble(name, Network(network(end), RAW, None), LoadOptions())


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("logits", "logits"),
        ("softmax", "probabilities"),
        ("log-softmax", "logits"),
        ("sigmoid", "bounded"),
    ],
)
def test_values_tell_what_outputs_are(end: str, kind: str) -> None:
    inputs = torch.randn(4, 3, 32, 32)
    settled = settle(model(end), inputs)
    assert settled.outputs == kind
    true = network("logits")(inputs).softmax(1)
    given = settled.module(inputs).softmax(1)
    # Of sigmoids, only the order is left.
    assert torch.allclose(given, true, rtol=1e-4) == (end != "sigmoid")
    assert torch.equal(given.argmax(1), true.argmax(1))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_rounded_probabilities_are_probabilities(dtype: str) -> None:
    torch.manual_seed(0)
    for scale in (0.01, 1, 30):
        rounded = (scale * torch.randn(8, 1000)).softmax(1).to(getattr(torch, dtype))
        assert kind_of(rounded) == "probabilities"


def test_what_only_looks_like_probabilities_is_none() -> None:
    probabilities = torch.randn(4, 1000).softmax(1)
    one_more = torch.cat([probabilities, 1.05 * probabilities[:1]])
    assert kind_of(one_more) == "bounded"
    shifted = probabilities - 0.001
    assert kind_of(shifted / shifted.sum(1, keepdim=True)) == "logits"
    assert kind_of(probabilities.masked_fill(probabilities > 0.005, torch.nan)) == "logits"


def test_an_evaluation_decides_by_its_clean_images_and_records_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = CleanSource(open_source("sample"), originals=tmp_path / "originals")
    tasks, passes = data.tasks, []
    monkeypatch.setattr(data, "tasks", lambda *asked: passes.append(asked) or tasks(*asked))
    settings = Settings(only=["jpeg-10"], limit=3, device=torch.device("cpu"), workers=0)
    ends = {"logits": "logits", "softmax": "probabilities", "sigmoid": "bounded"}
    models = [model(end, f"x/{end}") for end in ends]
    results = dict(zip(ends, evaluate(models, data, tmp_path, settings), strict=True))

    assert {end: result.entry.model.outputs for end, result in results.items()} == ends
    # The clean images that decide are those that are checked, and then comes the pass itself.
    assert [len(variants) for variants, _ in passes] == [2, 1]
    true = results["logits"].predictions
    found = results["softmax"].predictions
    assert (found.true_rank == true.true_rank).all()
    assert found.top5_probability == pytest.approx(true.top5_probability, rel=1e-4)
    (said,) = [line for line in results["sigmoid"].entry.warnings if "do not sum to one" in line]
    assert said.startswith("x/sigmoid: its outputs lie between 0 and 1")
    for end in ("logits", "softmax"):
        assert not [line for line in results[end].entry.warnings if "sum to one" in line]
