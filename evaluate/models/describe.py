"""List what can be evaluated and describe a model, as `imagenetq models` does."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from imagenetq.evaluate.models import SOURCES, LoadOptions, load_model

if TYPE_CHECKING:
    from torch import nn


def sources() -> dict[str, str]:
    """Give one line of help for each form of name, such as `timm/NAME`."""
    return {source.form: source.summary for source in SOURCES.values()}


def describe(name: str, options: LoadOptions | None = None) -> dict[str, Any]:
    """Load a model and say what it is, as plain JSON data.

    Layers are counted by kind, the most frequent first; the input size is height and width. What is
    unknown, or what the model does not have, is None.
    """
    model = load_model(name, options)
    size = model.preprocessing.input_size
    return {
        "name": model.name,
        "layers": layers(model.module),
        "parameters": model.parameters,
        "input_size": None if size is None else list(size),
        "preprocessing": model.preprocessing.record(),
        "weights_sha256": model.weights_sha256,
        "tensors_sha256": model.tensors_sha256,
        "weights_key": model.weights_key,
        "licence": model.licence,
        "published_top1": model.published_top1,
        "arguments": model.arguments,
    }


def layers(module: "nn.Module") -> dict[str, int]:
    """Count a network's layers of each kind, the most frequent first.

    A layer is a module without children, or an operator of an ONNX graph.
    """
    kinds: Counter[str] = Counter()
    for part in module.modules():
        if next(part.children(), None) is None:
            kinds.update(getattr(part, "kinds", None) or {type(part).__name__: 1})
    return dict(kinds.most_common())
