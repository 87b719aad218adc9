from typing import Any

import pytest

torch = pytest.importorskip("torch")

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, load_model  # noqa: E402


def test_finds_the_photographs_that_it_knows(clean: Any) -> None:
    model = load_model("baseline/nearest")
    assert model.needs_fit is not None
    assert (model.parameters, model.weights_sha256) == (0, None)
    assert model.preprocessing.input_size == (32, 32)
    inputs = clean.images(model).permute(0, 3, 1, 2) / 255
    model.needs_fit(inputs, clean.labels)

    assert clean.top1(model) == 1.0
    noisy = inputs + 0.05 * torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0))
    assert (model.module(noisy).argmax(1) == clean.labels).float().mean() > 0.9


def test_logits_are_similarities() -> None:
    model = load_model("baseline/nearest")
    assert model.needs_fit is not None
    bright, half = torch.ones(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    half[..., :16] = 0.3
    model.needs_fit(torch.cat([bright, half, half]), torch.tensor([7, 7, 999]))
    logits = model.module(half)

    assert logits.shape == (1, 1000)
    assert logits.dtype == torch.float32
    assert logits[0, 7] == logits[0, 999] == pytest.approx(1.0)
    assert (torch.cat([logits[0, :7], logits[0, 8:999]]) == -1e4).all()
    assert model.module(bright)[0, 999] == pytest.approx(0.5**0.5)
    assert torch.isfinite(model.module(torch.zeros(1, 3, 32, 32))).all()


def test_another_fit_replaces_the_first() -> None:
    model = load_model("baseline/nearest")
    assert model.needs_fit is not None
    model.needs_fit(torch.ones(1, 3, 32, 32), torch.tensor([1]))
    model.needs_fit(torch.ones(1, 3, 32, 32), torch.tensor([2]))
    assert model.module(torch.ones(1, 3, 32, 32)).argmax() == 2


def test_must_be_fitted_first() -> None:
    with pytest.raises(ModelError, match="has seen no clean photographs yet"):
        load_model("baseline/nearest").module(torch.ones(1, 3, 32, 32))


def test_takes_no_options() -> None:
    for options in (LoadOptions(weights="w"), LoadOptions(arguments={"a": 1})):
        with pytest.raises(UsageError, match="neither weights nor arguments"):
            load_model("baseline/nearest", options)
    with pytest.raises(UsageError, match="takes no class map"):
        load_model("baseline/nearest", LoadOptions(class_map=(1,)))
