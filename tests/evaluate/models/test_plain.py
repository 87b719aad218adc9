"""What a stranger's entry may load: little, and nothing that could run code."""

import inspect

import pytest

from imagenetq.evaluate.models.plain import (
    ARCHITECTURAL,
    foreign_arguments,
    is_of_a_library,
    objections,
)

TIMM = "timm/vit_base_patch16_224"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (TIMM, {"img_size": 256, "global_pool": "avg", "qkv_bias": True, "depths": [2, 2]}),
        (TIMM, {"pad_type": "", "norm_eps": 1e-6}),
        ("torchvision/resnet50", {"weights": "IMAGENET1K_V1", "groups": 32}),
        ("transformers/google/vit-base-patch16-224", {}),
        ("caffe/vgg16", {}),
        ("baseline/nearest", {}),
    ],
)
def test_plain_entries_meet_no_objection(name, arguments):
    assert list(objections(name, arguments)) == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[
            (name, {argument: value})
            for name in (TIMM, "torchvision/resnet50", "transformers/a/b", "caffe/vgg16")
            for argument, value in {
                "weights_only": False,
                "use_safetensors": False,
                "pretrained_cfg": "a",
                "pretrained_cfg_overlay": {"file": "a"},
                "checkpoint_path": "a",
                "cache_dir": "a",
                "trust_remote_code": True,
                "code_revision": "a",
                "config": "a",
                "state_dict": 1,
                "subfolder": "a",
                "revision": "main",
                "hf_hub_id": "a",
                "file": "a",
                "url": "a",
                "custom_load": True,
                "attn_implementation": "a",
                "never_heard_of": 1,
            }.items()
        ],
        *[
            (TIMM, {"img_size": value})
            for value in (
                "a/b",
                "evil.pth",
                "https://a.org",
                {"file": "a"},
                [[1]],
                ["a"],
                [1] * 17,
                10**6,
                None,
                "x" * 41,
                "a\n",
            )
        ],
        ("timm/hf-hub:a/b", {"img_size": 224}),
        ("python/mine:net", {"img_size": 224}),
    ],
)
def test_other_arguments_are_named(name, arguments):
    assert foreign_arguments(name, arguments) == list(arguments)


@pytest.mark.parametrize(
    "name",
    [
        "python/mine:net",
        "onnx/net.onnx",
        "timm/hf-hub:a/b",
        "timm/local-dir:a",
        "timm/../a",
        "timm/..",
        "transformers/../a",
        "transformers/./a",
        "transformers//tmp/a",
        "torchvision/resnet50\n",
        "torchvision/resnet50 --weights x",
        "timm/$(touch x)",
        "-m/x",
        "",
    ],
)
def test_names_of_files_and_code_are_objected_to(name):
    assert not is_of_a_library(name)
    (said,) = objections(name, {})
    assert said.startswith("its name ")


def test_no_parameter_is_one_of_those_that_load():
    """The list against the libraries themselves: architectures' parameters, no loader's."""
    timm = pytest.importorskip("timm")
    from timm.models import build_model_with_cfg, load_pretrained, load_state_dict_from_hf
    from timm.models.convnext import ConvNeXt
    from timm.models.efficientnet import EfficientNet
    from timm.models.resnet import ResNet
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.vision_transformer import VisionTransformer
    from torchvision import models

    loading = {
        parameter
        for function in (
            timm.create_model,
            build_model_with_cfg,
            load_pretrained,
            load_state_dict_from_hf,
        )
        for parameter in inspect.signature(function).parameters
    }
    # `load_pretrained` is told how many classes there are, not what to load.
    assert not (ARCHITECTURAL["timm"] & loading) - {"num_classes"}
    shaping = {
        parameter
        for kind in (ConvNeXt, EfficientNet, ResNet, SwinTransformer, VisionTransformer)
        for parameter in inspect.signature(kind).parameters
    }
    assert len(ARCHITECTURAL["timm"] & shaping) > 30
    assert ARCHITECTURAL["torchvision"] <= {
        "weights",
        *(
            parameter
            for kind in (
                models.Inception3,
                models.MobileNetV3,
                models.ResNet,
                models.SqueezeNet,
                models.VisionTransformer,
                models.EfficientNet,
                models.ShuffleNetV2,
                models.MNASNet,
                models.MobileNetV2,
                models.DenseNet,
            )
            for parameter in inspect.signature(kind).parameters
        ),
    }
