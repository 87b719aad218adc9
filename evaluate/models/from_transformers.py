"""Load image classifiers and CLIP-like networks of transformers, with their image processors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imagenetq.errors import ModelError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.preprocessing import (
    AnyPreprocessing,
    OpaquePreprocessing,
    Preprocessing,
    Size,
    colour,
    normalise,
)
from imagenetq.evaluate.models.weights import Weights
from imagenetq.evaluate.models.zero_shot import TextTower, embed_classes

# (height, width) of a wide image, a tall one, one smaller than any crop, and one so long that a
# limit on the longer side shows. Most sides are odd, because there the ways of rounding differ.
_PROBES = ((275, 401), (333, 277), (31, 46), (40, 301))
# One step of 1/255, divided by a usual std, is above 0.01.
_TOLERANCE = 1e-3

# Kinds of networks that embed images and texts.
_EMBEDDING = ("altclip", "chinese_clip", "clip", "metaclip_2", "siglip")
_PADDED = ("siglip",)
"""Kinds of networks that were trained with texts padded to full length and nothing masked."""


def load(name: str, options: LoadOptions) -> Network:
    """Load a classifier of the Hub, `ORG/NAME`, or of a local folder, `./FOLDER`.

    A network of CLIP's kind becomes a zero-shot classifier. The argument `revision` picks a
    revision. No code from a repository is run unless the argument `trust_remote_code` says so.
    """
    import transformers

    from imagenetq.evaluate.models.wrappers import OnlyLogits, ZeroShotNetwork

    full_name = f"transformers/{name}"
    if name.startswith((".", "/")) and not Path(name).is_dir():
        raise ModelError(f"{full_name}: no folder {name}; a Hub model is named ORG/NAME")
    arguments = {"trust_remote_code": False, **options.arguments}
    common: dict[str, Any] = {
        k: arguments[k] for k in ("trust_remote_code", "revision") if k in arguments
    }
    auto: Any = transformers
    try:
        config = auto.AutoConfig.from_pretrained(name, **arguments)
        # There are classifiers of CLIP's kind, too; their configuration says so.
        architectures = getattr(config, "architectures", None) or ()
        classifies = any(name.endswith("ForImageClassification") for name in architectures)
        zero_shot = config.model_type in _EMBEDDING and not classifies
        kind = auto.AutoModel if zero_shot else auto.AutoModelForImageClassification
        processor = auto.AutoImageProcessor.from_pretrained(name, backend="pil", **common)
        if options.weights is not None:
            module = kind.from_config(config)
        else:
            module, loaded = kind.from_pretrained(name, output_loading_info=True, **arguments)
            _require_all(full_name, loaded)
    except ModelError:
        raise
    except Exception as error:  # transformers and the Hub's client raise many types.
        if Path(name).is_dir():
            reason = messages.one_line(error)
            raise ModelError(f"{full_name}: the folder cannot be loaded ({reason})") from None
        raise messages.failed(full_name, name, error) from None
    module = module.float()
    licence = _licence(name) if options.weights is None else None
    weights = Weights.given(module, options, full_name)
    preprocessing = from_processor(processor)
    if not zero_shot:
        return Network(OnlyLogits(module), preprocessing, weights, licence=licence)
    module.eval()
    tower = _text_tower(full_name, name, module, weights, common)
    embeddings, record = embed_classes(full_name, module, tower)
    classifier = ZeroShotNetwork(
        *(module, embeddings),
        lambda module, inputs: module.get_image_features(pixel_values=inputs).pooler_output,
    )
    return Network(classifier, preprocessing, weights, licence=licence, zero_shot=record)


def _text_tower(
    model: str, name: str, module: Any, weights: Weights, common: Mapping[str, Any]
) -> TextTower:
    """Give the text tower of a network, with the tokenizer that lies beside it."""
    import transformers

    auto: Any = transformers
    try:
        tokenizer = auto.AutoTokenizer.from_pretrained(name, **common)
    except Exception as error:  # transformers and the Hub's client raise many types.
        raise ModelError(
            f"{model}: its tokenizer cannot be loaded ({messages.one_line(error)}); the network's "
            "folder must hold its files, such as tokenizer.json"
        ) from None
    config = module.config
    padding = "max_length" if config.model_type in _PADDED else True

    def tokenize(texts: list[str]) -> dict[str, Any]:
        tokens = tokenizer(
            texts,
            padding=padding,
            truncation=True,
            max_length=config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        names = ("input_ids",) if padding == "max_length" else ("input_ids", "attention_mask")
        return {key: tokens[key] for key in names}

    return TextTower(
        f"{config.model_type} {config.to_json_string()}",
        weights.tensors_sha256,
        tokenize,
        encode=lambda tokens: module.get_text_features(**tokens).pooler_output,
    )


class ProcessorTransform:
    """An image processor as a callable from a Pillow image to an array."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, image: Image.Image) -> Any:
        """Give the processed image, float32 of shape (3, height, width)."""
        values = self.processor(image, return_tensors="pt")["pixel_values"][0]
        return values.numpy().astype(np.float32, copy=False)

    def __repr__(self) -> str:
        return repr(self.processor)


def from_processor(processor: Any) -> AnyPreprocessing:
    """Make a preprocessing of an image processor.

    The processor's settings are read in the usual way, and the result is compared with the
    processor's own on a few random images. If the two differ, or the settings cannot be read, the
    processor itself is used.
    """
    transform = ProcessorTransform(processor)
    opaque = OpaquePreprocessing(transform)
    try:
        candidate = _from_settings(processor)
    except (AttributeError, KeyError, TypeError, ValueError):
        return opaque
    return candidate if all(_agree(candidate, transform, size) for size in _PROBES) else opaque


def _agree(candidate: Preprocessing, transform: ProcessorTransform, size: Size) -> bool:
    import torch

    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    theirs = transform(Image.fromarray(picture))
    ours = normalise(torch.from_numpy(candidate.pixels(picture))[None], candidate)[0].numpy()
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=0, atol=_TOLERANCE)


def _from_settings(processor: Any) -> Preprocessing:
    # The processor's (x * factor - mean) / std becomes (x / 255 - mean) / std, as we write it.
    unit = 255 * processor.rescale_factor if processor.do_rescale else 255.0
    values: Any = (0.0,) * 3, (1.0,) * 3
    if processor.do_normalize:
        values = processor.image_mean, processor.image_std
    mean, std = (colour(value / unit for value in of_channels) for of_channels in values)
    interpolation: Any = Image.Resampling(int(processor.resample)).name.lower()
    resize, crop = _sizes(processor)
    return Preprocessing(resize, interpolation, crop, mean, std, corner="down")


def _sizes(processor: Any) -> tuple[int | Size | None, Size | None]:
    crop = None
    if getattr(processor, "do_center_crop", None):
        crop = processor.crop_size["height"], processor.crop_size["width"]
    if not processor.do_resize:
        return None, crop
    size = dict(processor.size)
    if size.get("shortest_edge") is None:
        return (size["height"], size["width"]), crop
    edge = size["shortest_edge"]
    crop_pct = getattr(processor, "crop_pct", None)
    if crop_pct is None:
        return edge, crop
    # ConvNeXT's processor, which other networks borrow, does not crop from 384 pixels on.
    return (int(edge / crop_pct), (edge, edge)) if edge < 384 else ((edge, edge), None)


def _require_all(model: str, loaded: dict[str, Any]) -> None:
    """Refuse a checkpoint that does not fit, whose gaps transformers fills with random numbers."""
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        names = sorted(str(key) for key in loaded.get(what) or ())
        if names:
            raise ModelError(
                f"{model}: its checkpoint does not fit an image classifier: "
                f"{len(names)} {what.replace('_', ' ')} ({', '.join(names[:3])}); "
                "choose one that was trained to classify ImageNet"
            )


def _licence(name: str) -> str | None:
    from huggingface_hub import ModelCard

    readme = Path(name) / "README.md"
    try:
        card = ModelCard.load(readme if Path(name).is_dir() else name)
    except Exception:  # A model can be evaluated without its card.
        return None
    licence = card.data.to_dict().get("license")
    return None if licence is None else str(licence)
