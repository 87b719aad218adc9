import dataclasses
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from imagenetq.entry import CleanCheck  # noqa: E402
from imagenetq.evaluate.evaluation.sanity_checks import (  # noqa: E402
    clean_accuracy_warning,
    clean_check,
    suspicious_normalisation,
    suspicious_padding,
    tensorflow_padding,
)
from imagenetq.evaluate.models import LoadOptions, Model, load_model  # noqa: E402
from imagenetq.evaluate.models.preprocessing import OpaquePreprocessing, Preprocessing  # noqa: E402

# Small inputs, for speed; the traps show at any size.
SMALL = {"input_size": 128}
HALF = {"mean": 0.5, "std": 0.5}
SAME = {"pad_type": "same"}


@pytest.fixture(scope="module")
def mobilenet_file(real_weights: Path) -> str:
    return str(real_weights / "mobilenetv2_100_tf_fp16.safetensors")


def mobilenet(file: str, arguments: dict[str, Any], preprocessing: dict[str, Any]) -> Model:
    options = LoadOptions(file, arguments, {**preprocessing, **SMALL})
    return load_model("timm/mobilenetv2_100", options)


def every_second(clean: Any, model: Model) -> tuple["torch.Tensor", "torch.Tensor"]:
    return clean.images(model)[::2], clean.labels[::2]


def test_right_weights_are_not_suspected(mobilenet_file: str, clean: Any) -> None:
    model = mobilenet(mobilenet_file, SAME, HALF)
    images, labels = every_second(clean, model)

    assert suspicious_normalisation(model, images, labels) is None
    assert suspicious_padding(model, images, labels) is None


def test_catches_the_wrong_normalisation(mobilenet_file: str, clean: Any) -> None:
    model = mobilenet(mobilenet_file, SAME, {})
    warning = suspicious_normalisation(model, *every_second(clean, model))

    assert warning is not None
    assert "with --mean 0.5 --std 0.5" in warning
    assert "right with mean 0.485,0.456,0.406 and std 0.229,0.224,0.225" in warning
    assert "\n" not in warning


def test_catches_the_wrong_padding(mobilenet_file: str, clean: Any) -> None:
    model = mobilenet(mobilenet_file, {}, HALF)
    warning = suspicious_padding(model, clean.images(model), clean.labels)

    assert warning is not None
    assert "--model-arg pad_type=same" in warning


def test_pads_as_timm_does_for_tensorflow(mobilenet_file: str) -> None:
    plain = mobilenet(mobilenet_file, {}, {})
    same = mobilenet(mobilenet_file, SAME, {})
    inputs = torch.rand(2, 3, 225, 160)
    with torch.inference_mode():
        before = plain.module(inputs)
        with tensorflow_padding(plain.module) as n_changed:
            padded = plain.module(inputs)
        assert n_changed == 5
        torch.testing.assert_close(padded, same.module(inputs))
        assert torch.equal(plain.module(inputs), before)


def test_right_squeezenet_is_not_suspected(real_weights: Path, clean: Any) -> None:
    file = real_weights / "squeezenet1_0_deepcompression.safetensors"
    model = load_model("torchvision/squeezenet1_0", LoadOptions(str(file), {}, SMALL))

    images, labels = every_second(clean, model)

    assert suspicious_normalisation(model, images, labels) is None
    assert suspicious_padding(model, images, labels) is None


def model_with(published_top1: float | None = None, preprocessing: Any = None) -> Model:
    usual = Preprocessing(None, "box", None, (0.0,) * 3, (1.0,) * 3)
    network = torch.nn.Flatten(), preprocessing or usual, None
    return Model(*network, name="x/y", parameters=0, published_top1=published_top1)


def test_compares_with_the_published_figure() -> None:
    model = model_with(published_top1=0.75)

    assert clean_accuracy_warning(model, 280, 400) is None
    assert clean_accuracy_warning(model, 400, 400) is None
    assert clean_accuracy_warning(model, 0, 0) is None
    assert clean_accuracy_warning(model, 3, 4) is None
    warning = clean_accuracy_warning(model, 260, 400)
    assert warning == (
        "x/y: clean top-1 is 65.0% on 400 photographs, but 75.0% is published; check the "
        "preprocessing (`imagenetq models` shows it), the class order and the weights"
    )


def test_notices_chance_without_a_published_figure() -> None:
    model = model_with()

    assert clean_accuracy_warning(model, 30, 400) is None
    assert clean_accuracy_warning(model, 0, 12) is None
    warning = clean_accuracy_warning(model, 3, 400)
    assert warning is not None
    assert "which is chance" in warning


def test_does_not_judge_code_of_its_own() -> None:
    model = model_with(preprocessing=OpaquePreprocessing(lambda image: image))
    images = torch.zeros(4, 2, 2, 3, dtype=torch.uint8)

    assert suspicious_normalisation(model, images, torch.zeros(4)) is None
    assert suspicious_padding(model, images, torch.zeros(4)) is None


def test_few_images_prove_nothing(mobilenet_file: str, clean: Any) -> None:
    model = mobilenet(mobilenet_file, SAME, {})
    few = dataclasses.replace(clean, pictures=clean.pictures[:8], labels=clean.labels[:8])

    assert suspicious_normalisation(model, few.images(model), few.labels) is None


def test_it_says_how_much_it_could_have_seen() -> None:
    from scipy.stats import binom, binomtest

    for n in (40, 200, 512):
        check = clean_check(model_with(published_top1=0.7), n)
        assert check.smallest_loss is not None
        fewest = round((0.7 - check.smallest_loss) * n)
        # One right answer fewer is warned of, and none at the limit itself.
        assert binom.cdf(fewest - 1, n, 0.7) < 1e-3 <= binom.cdf(fewest, n, 0.7)
        assert clean_accuracy_warning(model_with(published_top1=0.7), fewest, n) is None
        assert clean_accuracy_warning(model_with(published_top1=0.7), fewest - 1, n) is not None
    assert clean_check(model_with(published_top1=0.7), 40).words() == (
        "with 40 photographs only a loss of more than 22.5 points against the published accuracy "
        "would have shown"
    )
    # Nine images won are no proof, ten are.
    assert binomtest(10, 10, alternative="greater").pvalue < 1e-3
    assert binomtest(9, 9, alternative="greater").pvalue > 1e-3
    assert clean_check(model_with(), 40).words() == (
        "with 40 photographs only a wrong mean, std or padding that costs more than 22.5 points "
        "would have shown"
    )
    opaque = model_with(preprocessing=OpaquePreprocessing(lambda image: image))
    for model, n in (
        (model_with(), 9),
        (model_with(), 0),
        (model_with(published_top1=0.7), 3),
        (model_with(published_top1=0.7), 0),
        (opaque, 99),
    ):
        assert clean_check(model, n).words() == f"with {n} photographs no loss would have shown"
    assert clean_check(opaque, 100).words() == (
        "with 100 photographs only answers by chance would have shown"
    )
    older = CleanCheck(n_images=40, smallest_loss=0.25)
    assert (
        older.words() == "with 40 photographs only a loss of more than 25.0 points would have shown"
    )
