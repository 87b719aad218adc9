import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate.models import SOURCES, LoadOptions, load_model  # noqa: E402
from imagenetq.evaluate.models.assemble import assemble  # noqa: E402
from imagenetq.evaluate.models.base import Network  # noqa: E402
from imagenetq.evaluate.models.preprocessing import Preprocessing  # noqa: E402

RAW = Preprocessing((32, 32), "bilinear", None, (0.0,) * 3, (1.0,) * 3)


def test_squeezenet_sees_real_photographs(real_weights: Path, clean: Any) -> None:
    file = real_weights / "squeezenet1_0_deepcompression.safetensors"
    model = load_model("torchvision/squeezenet1_0", LoadOptions(weights=str(file)))

    assert model.parameters == 1_248_424
    assert model.published_top1 is None
    assert model.preprocessing.input_size == (224, 224)
    assert not model.module.training
    assert clean.top1(model) > 0.55


def test_mobilenet_sees_real_photographs(real_weights: Path, clean: Any) -> None:
    options = LoadOptions(
        weights=str(real_weights / "mobilenetv2_100_tf_fp16.safetensors"),
        arguments={"pad_type": "same"},
        preprocessing={"mean": 0.5, "std": 0.5},
    )
    model = load_model("timm/mobilenetv2_100", options)

    assert {p.dtype for p in model.module.parameters()} == {torch.float32}
    assert model.arguments == {"pad_type": "same"}
    assert model.preprocessing.record()["interpolation"] == "bicubic"
    assert clean.top1(model) > 0.82


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vgg16", "no model 'vgg16'; models are named timm/NAME, torchvision/NAME"),
        ("tim/vgg16", "no model 'tim/vgg16'"),
        ("timm/", "no model 'timm/'"),
        ("baseline/farthest", "no baseline 'farthest'; there is baseline/nearest"),
    ],
)
def test_refuses_names_without_a_source(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_model(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm/resnet5O", "timm has no model 'resnet5O'; did you mean resnet50"),
        ("timm/resnet50.a1_in", "no model 'resnet50.a1_in'; did you mean resnet50.a1_in1k"),
        ("torchvision/resnet5", "torchvision has no model 'resnet5'; did you mean resnet50"),
        ("torchvision/fcn_resnet50", "torchvision has no model 'fcn_resnet50'"),
    ],
)
def test_suggests_near_names(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(name)


@pytest.mark.parametrize("name", ["timm/resnet10t", "timm/hf-hub:some/model"])
def test_explains_missing_weights_of_timm(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"weights cannot be fetched .*--weights FILE") as caught:
        load_model(name)
    assert "\n" not in str(caught.value)


def test_explains_missing_weights_of_torchvision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"weights cannot be fetched \(no network in tests\)"):
        load_model("torchvision/squeezenet1_1")


def test_explains_gated_and_unknown_repositories(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    for kind, message in (
        (GatedRepoError, "gated; accept the terms on https://huggingface.co/org/net"),
        (RepositoryNotFoundError, "the Hub has no repository org/net, or it is private"),
    ):

        def refuse(*_: Any, kind: Any = kind, **__: Any) -> None:
            # Making one properly takes an HTTP response.
            raise kind.__new__(kind)

        monkeypatch.setattr("timm.create_model", refuse)
        with pytest.raises(ModelError, match=message):
            load_model("timm/hf-hub:org/net")


def test_explains_wrong_arguments(real_weights: Path) -> None:
    file = str(real_weights / "squeezenet1_0_deepcompression.safetensors")
    for name, arguments in (
        ("timm/resnet18", {"colour": 1}),
        ("torchvision/squeezenet1_0", {"colour": 1}),
    ):
        with pytest.raises(ModelError, match=r"cannot be constructed .*'colour'"):
            load_model(name, LoadOptions(weights=file, arguments=arguments))
    with pytest.raises(UsageError, match="no weights 'V9'; there are IMAGENET1K_V1, IMAGENET1K_V2"):
        load_model("torchvision/resnet50", LoadOptions(arguments={"weights": "V9"}))


def test_takes_preprocessing_and_published_top1_from_torchvisions_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = torchvision.models.get_model

    def untrained(name: str, weights: Any, **_: Any) -> Any:
        assert weights is not None
        return make(name, weights=None)

    monkeypatch.setattr(torchvision.models, "get_model", untrained)
    for arguments, resize, top1 in (
        ({}, 232, 0.80858),
        ({"weights": "IMAGENET1K_V1"}, 256, 0.7613),
    ):
        model = load_model("torchvision/resnet50", LoadOptions(arguments=arguments))
        assert model.preprocessing.record()["resize"] == resize
        assert model.published_top1 == pytest.approx(top1)
        assert model.weights_sha256 is not None


def test_a_timm_model_takes_its_own_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    make = timm.create_model

    def untrained(name: str, pretrained: bool) -> Any:
        assert pretrained
        return make(name, pretrained=False)

    monkeypatch.setattr(timm, "create_model", untrained)
    model = load_model("timm/resnet18.a1_in1k")
    record = model.preprocessing.record()
    assert (record["resize"], record["crop"], record["interpolation"]) == (
        235,
        [224, 224],
        "bicubic",
    )
    assert model.licence == "apache-2.0"
    larger = load_model("timm/resnet18.a1_in1k", LoadOptions(preprocessing={"input_size": 288}))
    assert larger.preprocessing.record()["resize"] == 303


def assembled(module: "torch.nn.Module", **options: Any) -> Any:
    return assemble("x/y", Network(module, RAW, None), LoadOptions(**options))


def test_other_than_a_thousand_outputs_need_a_class_map(
    tiny_network: Callable[[int], "torch.nn.Module"],
) -> None:
    for outputs, hint in ((10, "is$"), (1001, "1..1000 if output 0 is the background")):
        with pytest.raises(ModelError, match=f"has {outputs} outputs, not 1000; .*{hint}"):
            assembled(tiny_network(outputs))

    network = tiny_network(1001)
    model = assembled(network, class_map=tuple(range(1, 1001)))
    inputs = torch.rand(2, 3, 32, 32)
    assert torch.equal(model.module(inputs), network(inputs)[:, 1:])
    assert model.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("class_map", "message"),
    [
        ((1, 2), "the class map has 2 entries"),
        ((0,) * 1000, "the class map has 1000 entries, 1 of them different"),
        (tuple(range(2, 1002)), "names output 1001, but x/y has outputs 0..1000"),
    ],
)
def test_refuses_bad_class_maps(
    class_map: tuple[int, ...], message: str, tiny_network: Callable[[int], "torch.nn.Module"]
) -> None:
    with pytest.raises(UsageError, match=message):
        assembled(tiny_network(1001), class_map=class_map)


class Gives(torch.nn.Module):
    def __init__(self, what: Any) -> None:
        super().__init__()
        self.what = what

    def forward(self, inputs: "torch.Tensor") -> Any:  # noqa: ARG002
        return self.what


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ((torch.zeros(1, 1000),), "gives a tuple, not a tensor of logits"),
        (torch.zeros(1, 1000, 1), r"gives torch.float32 of shape \(1, 1000, 1\)"),
        (torch.zeros(1, 1000, dtype=torch.int64), "gives torch.int64"),
    ],
)
def test_refuses_other_outputs_than_logits(what: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        assembled(Gives(what))


def test_explains_an_input_size_that_does_not_fit() -> None:
    with pytest.raises(ModelError, match=r"does not run on an input of 32x32 pixels .*img_size=32"):
        assembled(torch.nn.Conv2d(3, 8, 64))


def test_importing_the_sources_is_cheap() -> None:
    code = (
        "import sys; from imagenetq.evaluate.models.describe import sources; sources();"
        "heavy = {'timm', 'torchvision', 'transformers', 'onnxruntime'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_forms_begin_with_their_sources() -> None:
    for prefix, source in SOURCES.items():
        assert source.form.startswith(f"{prefix}/")
        assert source.summary
