"""Find the text towers of those networks of transformers that are of CLIP's kind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagenetq.errors import ModelError
from imagenetq.evaluate.models.load_errors import one_line
from imagenetq.evaluate.models.weights import Weights
from imagenetq.evaluate.models.zero_shot import TextTower

if TYPE_CHECKING:
    import torch

_KINDS = ("altclip", "chinese_clip", "clip", "metaclip_2", "siglip")
_PADDED = ("siglip",)
"""Kinds of networks that were trained with texts padded to full length and nothing masked."""


def is_zero_shot(config: Any) -> bool:
    """Tell whether a configuration is of a network that embeds images and texts.

    There are classifiers of CLIP's kind, too; their configuration says so.
    """
    architectures = getattr(config, "architectures", None) or ()
    classifies = any(name.endswith("ForImageClassification") for name in architectures)
    return config.model_type in _KINDS and not classifies


def text_tower(
    model: str, name: str, module: Any, weights: Weights, common: Mapping[str, Any]
) -> TextTower:
    """Give the text tower of a network, with the tokenizer that lies beside it.

    Args:
        model: the model's name, for messages.
        name: the repository or folder.
        module: the network.
        weights: hashes of the network's weights.
        common: further arguments of `from_pretrained`.

    Raises:
        ModelError: the tokenizer cannot be had.
    """
    import transformers

    auto: Any = transformers
    try:
        tokenizer = auto.AutoTokenizer.from_pretrained(name, **common)
    except Exception as error:  # transformers and the Hub's client raise many types.
        raise ModelError(
            f"{model}: its tokenizer cannot be loaded ({one_line(error)}); the network's folder "
            "must hold its files, such as tokenizer.json"
        ) from None
    config = module.config
    padding = "max_length" if config.model_type in _PADDED else True

    def tokenize(texts: list[str]) -> "dict[str, torch.Tensor]":
        tokens = tokenizer(
            texts,
            padding=padding,
            truncation=True,
            max_length=config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        names = ("input_ids",) if padding == "max_length" else ("input_ids", "attention_mask")
        return {key: tokens[key] for key in names}

    def encode(tokens: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        features: torch.Tensor = module.get_text_features(**tokens).pooler_output
        return features

    return TextTower(
        f"{config.model_type} {config.to_json_string()}", weights.tensors_sha256, tokenize, encode
    )
