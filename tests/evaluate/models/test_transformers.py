from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")

from imagenetq.errors import ModelError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, load_model  # noqa: E402
from imagenetq.evaluate.models.preprocessing import Preprocessing  # noqa: E402


def save_resnet(folder: Path, labels: int = 1000) -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification
    from transformers.models.convnext.image_processing_pil_convnext import (
        ConvNextImageProcessorPil,
    )

    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic", num_labels=labels
    )
    network = ResNetForImageClassification(config).eval()
    network.save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nA model.\n")
    return network


def test_loads_a_folder_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = save_resnet(tmp_path / "net")
    monkeypatch.chdir(tmp_path)
    model = load_model("transformers/./net")

    assert isinstance(model.preprocessing, Preprocessing)
    assert (model.preprocessing.resize, model.preprocessing.crop) == (73, (64, 64))
    assert model.licence == "mit"
    assert model.parameters == sum(p.numel() for p in network.parameters())
    inputs = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(model.module(inputs), network(pixel_values=inputs).logits)


def test_loads_a_vit_in_half_precision_as_float32(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTForImageClassification
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        num_labels=1000,
    )
    ViTForImageClassification(config).half().save_pretrained(tmp_path)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    model = load_model(f"transformers/{tmp_path}")

    assert model.preprocessing.input_size == (32, 32)
    assert {p.dtype for p in model.module.parameters()} == {torch.float32}
    assert model.licence is None


def test_weights_of_a_file_replace_the_folders(tmp_path: Path) -> None:
    network = save_resnet(tmp_path)
    tensors = {n: t.clone() for n, t in network.state_dict().items()}
    tensors["classifier.1.bias"] += 1
    safetensors.save_file(tensors, tmp_path / "other.safetensors")
    own = load_model(f"transformers/{tmp_path}")
    other = load_model(
        f"transformers/{tmp_path}", LoadOptions(weights=str(tmp_path / "other.safetensors"))
    )

    inputs = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(other.module(inputs), own.module(inputs) + 1)
    assert own.weights_sha256 != other.weights_sha256


def test_refuses_a_checkpoint_with_gaps(tmp_path: Path) -> None:
    network = save_resnet(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = {n: t for n, t in network.state_dict().items() if not n.startswith("classifier")}
    safetensors.save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"2 missing keys \(classifier.1.bias"):
        load_model(f"transformers/{tmp_path}")

    tensors = {**network.state_dict(), "extra": torch.ones(1)}
    safetensors.save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 unexpected keys \(extra\)"):
        load_model(f"transformers/{tmp_path}")


def test_other_outputs_are_refused(tmp_path: Path) -> None:
    save_resnet(tmp_path, labels=10)
    with pytest.raises(ModelError, match="has 10 outputs, not 1000"):
        load_model(f"transformers/{tmp_path}")


def test_explains_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"no folder \./nothing; a Hub model is named ORG/NAME"):
        load_model("transformers/./nothing")
    with pytest.raises(ModelError, match="the folder cannot be loaded"):
        load_model(f"transformers/{tmp_path}")
    with pytest.raises(ModelError, match="its weights cannot be fetched") as caught:
        load_model("transformers/some/model")
    assert "\n" not in str(caught.value)
