"""Load torchvision's classifiers, with the preprocessing that comes with their weights."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imagenetq.errors import UsageError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.preprocessing import (
    AnyPreprocessing,
    OpaquePreprocessing,
    Preprocessing,
)
from imagenetq.evaluate.models.weights import Weights

if TYPE_CHECKING:
    from torch import nn


def load(name: str, options: LoadOptions) -> Network:
    """Load a classifier that torchvision lists, with its default weights.

    The argument `weights`, such as `IMAGENET1K_V1`, picks others. With a weights file, it picks
    only the preprocessing, which otherwise is that of the first weights that torchvision published.
    """
    from torchvision import models

    full_name = f"torchvision/{name}"
    classifiers = models.list_models(module=models)
    if name not in classifiers:
        raise messages.unknown("torchvision", name, classifiers)
    published = models.get_model_weights(name)
    arguments = dict(options.arguments)
    first = next(iter(published)).name
    wanted = arguments.pop("weights", "DEFAULT" if options.weights is None else first)
    if not isinstance(wanted, str) or wanted not in published.__members__:
        raise UsageError(
            f"{full_name}: no weights {wanted!r}; there are {', '.join(published.__members__)}"
        )
    weights = published[wanted]
    own = weights if options.weights is None else None
    try:
        with warnings.catch_warnings():
            # GoogLeNet and Inception announce another random initialisation.
            warnings.simplefilter("ignore", FutureWarning)
            module: nn.Module = models.get_model(name, weights=own, **arguments)
    except Exception as error:  # Downloading and constructing raise many types.
        raise messages.failed(full_name, None, error) from None
    return Network(
        module,
        from_transform(weights.transforms()),
        Weights.given(module, options, full_name),
        published_top1=None if own is None else own.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100,
    )


def from_transform(transform: Callable[..., Any]) -> AnyPreprocessing:
    """Make a preprocessing of a transform of torchvision, or of any other callable.

    The preset that comes with classification weights becomes a `Preprocessing`; any other callable
    is kept as it is.
    """
    from torchvision.transforms._presets import ImageClassification

    # A subclass may do anything.
    if type(transform) is not ImageClassification:
        return OpaquePreprocessing(transform)
    preset: Any = transform
    (crop,) = preset.crop_size
    (resize,) = preset.resize_size
    return Preprocessing(
        resize=resize,
        interpolation=preset.interpolation.value,
        crop=(crop, crop),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
