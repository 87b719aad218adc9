"""Load CLIP and similar networks of open_clip, as zero-shot classifiers, from a weights file."""

import logging
from typing import Any

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.preprocessing import (
    AnyPreprocessing,
    OpaquePreprocessing,
    Preprocessing,
    colour,
)
from imagenetq.evaluate.models.weights import Weights
from imagenetq.evaluate.models.zero_shot import TextTower, embed_classes


def load(name: str, options: LoadOptions) -> Network:
    """Load an architecture that open_clip lists, with the weights that the options name.

    The preprocessing is that of the first weights that open_clip knows for the architecture.
    """
    import open_clip

    from imagenetq.evaluate.models.wrappers import ZeroShotNetwork

    full_name = f"open_clip/{name}"
    known = open_clip.list_models()
    if name not in known:
        raise messages.unknown("open_clip", name, known)
    if options.arguments:
        raise UsageError(f"{full_name}: takes no --model-arg; leave it out")
    if options.weights is None:
        raise ModelError(f"{full_name}: needs --weights FILE; nothing is fetched for it")
    module, tokenizer = _constructed(full_name, name)
    weights = Weights.given(module, options, full_name)
    tower = TextTower(
        full_name,
        weights.tensors_sha256,
        tokenize=lambda texts: {"input_ids": tokenizer(texts)},
        encode=lambda tokens: module.encode_text(tokens["input_ids"]),
    )
    embeddings, record = embed_classes(full_name, module, tower)
    network = ZeroShotNetwork(
        module, embeddings, lambda module, inputs: module.encode_image(inputs)
    )
    preprocessing = _preprocessing(name, module.visual.image_size)
    return Network(network, preprocessing, weights, zero_shot=record)


def _constructed(full_name: str, name: str) -> tuple[Any, Any]:
    """Make the network, with random weights, and its tokenizer."""
    import open_clip

    text = open_clip.get_model_config(name)["text_cfg"]
    repository = text.get("hf_model_name") or text.get("hf_tokenizer_name") or "its tokenizer"
    before = logging.root.manager.disable
    try:
        # open_clip warns that there are no weights yet.
        logging.disable(logging.WARNING)
        module = open_clip.create_model(name, pretrained_text=False)
        return module.eval(), open_clip.get_tokenizer(name)
    except Exception as error:  # transformers and the Hub's client raise many types.
        raise ModelError(
            f"{full_name}: its text tower needs files ({repository}) that cannot be had "
            f"({messages.one_line(error)}); connect to the network, or choose an architecture "
            "with open_clip's own tokenizer, such as ViT-B-32"
        ) from None
    finally:
        logging.disable(before)


def _preprocessing(name: str, size: int | tuple[int, int]) -> AnyPreprocessing:
    """Give the preprocessing of `open_clip.image_transform` for evaluation."""
    import open_clip
    from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

    tags = open_clip.list_pretrained_tags_by_model(name)
    published = open_clip.get_pretrained_cfg(name, tags[0]) if tags else {}
    config = PreprocessCfg(**{**merge_preprocess_dict(PreprocessCfg(), published), "size": size})
    height, width = size if isinstance(size, tuple) else (size, size)
    if config.resize_mode == "longest" or height != width:
        return OpaquePreprocessing(image_transform_v2(config, is_train=False), (height, width))
    squashed = config.resize_mode == "squash"
    return Preprocessing(
        resize=(height, width) if squashed else height,
        interpolation="bilinear" if config.interpolation == "bilinear" else "bicubic",
        crop=None if squashed else (height, width),
        mean=colour(config.mean),
        std=colour(config.std),
    )
