"""CLIP and its kin against the libraries' own zero-shot classification, with random weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, load_model, zero_shot  # noqa: E402
from imagenetq.evaluate.models.plain import is_of_a_library, objections  # noqa: E402
from imagenetq.evaluate.models.preprocessing import normalise  # noqa: E402
from imagenetq.evaluate.models.zero_shot import Prompts, published_prompts  # noqa: E402

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {
        "context_length": 24,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}


@pytest.fixture(autouse=True)
def few_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prompts:
    """Three templates instead of 80, for time; and a cache of the test's own."""
    published = published_prompts()
    few = Prompts("", published.templates[:3], published.class_names)
    monkeypatch.setattr(zero_shot, "published_prompts", lambda: few)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return few


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Any, LoadOptions]:
    """A small architecture that open_clip lists, and a file of its weights."""
    file = tmp_path / "tiny-clip.json"
    file.write_text(json.dumps(TINY))
    open_clip.add_model_config(file)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny-clip").eval()
    safetensors.save_file(network.state_dict(), tmp_path / "tiny.safetensors")
    return network, LoadOptions(weights=str(tmp_path / "tiny.safetensors"))


def test_the_prompts_are_the_fields() -> None:
    published = published_prompts()
    theirs = open_clip.OPENAI_IMAGENET_TEMPLATES
    assert published.of("tench") == [template("tench") for template in theirs]
    assert published.class_names == open_clip.IMAGENET_CLASSNAMES
    assert len(published.class_names) == 1000


def test_open_clip_answers_as_its_own_loop(
    tiny: tuple[Any, LoadOptions], few_prompts: Prompts
) -> None:
    network, options = tiny
    model = load_model("open_clip/tiny-clip", options)
    picture = np.random.default_rng(0).integers(0, 256, (47, 61, 3), dtype=np.uint8)
    from open_clip.transform import PreprocessCfg, image_transform_v2

    transform = image_transform_v2(PreprocessCfg(size=32), is_train=False)
    pixels = torch.from_numpy(model.preprocessing.pixels(picture))
    inputs = normalise(pixels[None], model.preprocessing)
    torch.testing.assert_close(inputs[0], transform(Image.fromarray(picture)), rtol=0, atol=1e-6)

    templates = [template.replace("{}", "{0}") for template in few_prompts.templates]
    tokenizer = open_clip.get_tokenizer("tiny-clip")
    classifier = open_clip.build_zero_shot_classifier(
        network, tokenizer, few_prompts.class_names, templates
    )
    with torch.inference_mode():
        features = network.encode_image(inputs, normalize=True)
        expected = network.logit_scale.exp() * features @ classifier
        torch.testing.assert_close(model.module(inputs), expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.01
    assert model.parameters == sum(p.numel() for p in network.parameters())
    entry = model.described()
    assert entry.zero_shot is not None
    assert entry.zero_shot.prompts_sha256 == few_prompts.sha256


def test_embeddings_are_computed_once(
    tiny: tuple[Any, LoadOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, options = tiny
    first = load_model("open_clip/tiny-clip", options).zero_shot
    (kept,) = tmp_path.glob("cache/imagenetq/text-embeddings/*.npy")
    with monkeypatch.context() as patch:
        patch.setattr(zero_shot, "_embed", None)
        assert load_model("open_clip/tiny-clip", options).zero_shot == first

    # What was damaged is computed again; other weights have embeddings of their own.
    kept.write_bytes(kept.read_bytes()[:500])
    assert load_model("open_clip/tiny-clip", options).zero_shot == first
    tensors = open_clip.create_model("tiny-clip").state_dict()
    safetensors.save_file(tensors, tmp_path / "other.safetensors")
    other = LoadOptions(weights=str(tmp_path / "other.safetensors"))
    assert load_model("open_clip/tiny-clip", other).zero_shot != first


def test_open_clip_explains_what_is_missing() -> None:
    with pytest.raises(ModelError, match="did you mean ViT-B-32"):
        load_model("open_clip/ViT-B-33")
    with pytest.raises(ModelError, match="open_clip has no model 'hf-hub:some/one'"):
        load_model("open_clip/hf-hub:some/one")
    with pytest.raises(ModelError, match="needs --weights FILE; nothing is fetched"):
        load_model("open_clip/ViT-B-32")
    with pytest.raises(UsageError, match="takes no --model-arg"):
        load_model("open_clip/ViT-B-32", LoadOptions(arguments={"pretrained": "openai"}))


def test_a_text_tower_without_its_files_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"needs files \(roberta-base\) that cannot") as caught:
        load_model("open_clip/roberta-ViT-B-32", LoadOptions(weights="any.safetensors"))
    assert "\n" not in str(caught.value)


def save_clip(folder: Path, kind: str = "CLIP") -> Any:
    """A small CLIP or Siglip with a tokenizer of bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, "<start>", "<end>"]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    start, end = len(words) - 2, len(words) - 1
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", start), ("<end>", end)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<start>", eos_token="<end>", pad_token="<end>"
    ).save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    tower = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = {"vocab_size": len(words), "max_position_embeddings": 77, "eos_token_id": end}
    torch.manual_seed(0)
    text_config = tower | text | {"bos_token_id": start, "pad_token_id": end}
    vision_config = tower | {"image_size": 32, "patch_size": 16}
    config = getattr(transformers, f"{kind}Config")(
        text_config=text_config, vision_config=vision_config
    )
    network = getattr(transformers, f"{kind}Model")(config).eval()
    network.save_pretrained(folder)
    return network


@pytest.mark.parametrize("kind", ["CLIP", "Siglip"])
def test_transformers_answers_as_its_own_model(
    tmp_path: Path, few_prompts: Prompts, kind: str
) -> None:
    network = save_clip(tmp_path / "clip", kind)
    model = load_model(f"transformers/{tmp_path / 'clip'}")

    assert model.preprocessing.input_size == (32, 32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "clip")
    inputs = torch.rand(2, 3, 32, 32)
    logits = model.module(inputs)
    with torch.inference_mode():
        for label in (0, 134, 517, 999):
            # One text at a time: SigLIP's padded as in training, CLIP's as long as it is.
            outputs = [
                network(
                    **tokenizer(
                        text,
                        return_tensors="pt",
                        return_attention_mask=kind == "CLIP",
                        max_length=77,
                        padding="max_length" if kind == "Siglip" else False,
                        truncation=True,
                    ),
                    pixel_values=inputs,
                )
                for text in few_prompts.of(few_prompts.class_names[label])
            ]
            mean = torch.cat([output.text_embeds for output in outputs]).mean(dim=0)
            similarity = outputs[0].image_embeds @ (mean / mean.norm())
            expected = network.logit_scale.exp() * similarity
            if kind == "Siglip":
                expected += network.logit_bias
            torch.testing.assert_close(logits[:, label], expected, rtol=0, atol=1e-5)
    assert logits.std() > 0.01


def test_a_tokenizer_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    save_clip(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(ModelError, match="its tokenizer") as caught:
        load_model(f"transformers/{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_strangers_entry_loads_none_of_them() -> None:
    name = "open_clip/ViT-B-32"
    assert not is_of_a_library(name)
    assert list(objections(name, {})) == []
    assert list(objections(name, {"pretrained": "laion"})) != []
    assert list(objections("open_clip/hf-hub:some/one", {})) != []
