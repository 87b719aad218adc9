"""Load models of timm, with the preprocessing of their pretrained configuration."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from imagenetq.errors import ModelError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.preprocessing import Preprocessing, Size
from imagenetq.evaluate.models.preprocessing_overrides import parse_size
from imagenetq.evaluate.models.weights import Weights


def load(name: str, options: LoadOptions) -> Network:
    """Load a model that timm lists, or one on the Hub named `hf-hub:ORG/NAME`.

    The preprocessing is what timm's model cards use: the training size, not the larger test size
    with which some published figures were made. `--input-size` chooses that one.

    With a weights file, it is the preprocessing of timm's own weights of this architecture. The
    file's may differ, which the checks on clean images are there to find.
    """
    import timm
    import timm.data

    data: Any = timm.data
    full_name = f"timm/{name}"
    if ":" not in name and not timm.is_model(name.partition(".")[0]):
        raise messages.unknown("timm", name, timm.list_models())
    try:
        pretrained = options.weights is None
        module: Any = timm.create_model(name, pretrained=pretrained, **options.arguments)
    except Exception as error:  # timm and the Hub's client raise many types.
        if "nvalid pretrained tag" in str(error):
            raise messages.unknown("timm", name, timm.list_models(pretrained=True)) from None
        if "No pretrained weights" in str(error):
            raise ModelError(
                f"{full_name}: timm has no weights for it; give --weights FILE, or choose one of "
                f"`timm.list_models(pretrained=True)`"
            ) from None
        repository = name.partition(":")[2]
        if not repository:
            config = timm.get_pretrained_cfg(name, allow_unregistered=True)
            repository = (config and config.hf_hub_id) or full_name
        raise messages.failed(full_name, repository, error) from None
    licence = module.pretrained_cfg.get("license") if options.weights is None else None
    weights = Weights.given(module, options, full_name)
    overrides = {}
    if "input_size" in options.preprocessing:
        size = parse_size("input_size", options.preprocessing["input_size"])
        overrides["input_size"] = (3, *size)
    config = data.resolve_data_config(overrides, model=module)
    return Network(module, from_data_config(full_name, config), weights, licence=licence)


def from_data_config(model: str, config: Mapping[str, Any]) -> Preprocessing:
    """Give the preprocessing that `timm.data.create_transform` makes of a data configuration.

    The configuration is what `timm.data.resolve_data_config` gives; messages name the model.
    """
    channels, height, width = config["input_size"]
    if channels != 3 or len(config["mean"]) != 3:
        raise ModelError(f"{model}: takes {channels} channels; only RGB models can be evaluated")
    scaled = tuple(math.floor(side / config["crop_pct"]) for side in (height, width))
    resize: int | Size = (scaled[0], scaled[1])
    fit: Literal["squash", "cover", "contain"] = "cover"
    fill = (0, 0, 0)
    if config["crop_mode"] == "squash":
        fit = "squash"
    elif config["crop_mode"] == "border":
        red, green, blue = (round(255 * value) for value in config["mean"])
        fit, fill = "contain", (red, green, blue)
    elif scaled[0] == scaled[1]:
        # timm uses torchvision's resize here, which rounds the longer side otherwise than its own.
        resize, fit = scaled[0], "squash"
    return Preprocessing(
        resize=resize,
        interpolation=config["interpolation"],
        crop=(height, width),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        fit=fit,
        fill=fill,
    )
