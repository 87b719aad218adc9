"""A model's name and options come in; a network goes out, with the preprocessing it wants."""

from imagenetq.errors import UsageError
from imagenetq.evaluate.models import (
    from_baseline,
    from_caffe,
    from_onnx,
    from_open_clip,
    from_python,
    from_timm,
    from_torchvision,
    from_transformers,
)
from imagenetq.evaluate.models.base import LoadOptions, Model, ModelSource, Network
from imagenetq.extras import named_if_missing

__all__ = ["SOURCES", "LoadOptions", "Model", "ModelSource", "Network", "load_model"]

SOURCES: dict[str, ModelSource] = {
    "timm": ModelSource("timm/NAME", "PyTorch Image Models, such as timm/vgg16", from_timm.load),
    "torchvision": ModelSource(
        "torchvision/NAME",
        "torchvision's classifiers, such as torchvision/resnet50 "
        "(--model-arg weights=IMAGENET1K_V1 picks other weights)",
        from_torchvision.load,
    ),
    "transformers": ModelSource(
        "transformers/ORG/NAME",
        "a classifier of the Hugging Face Hub, or CLIP's kind as a zero-shot classifier; or of a "
        "local folder: transformers/./FOLDER",
        from_transformers.load,
    ),
    "open_clip": ModelSource(
        "open_clip/ARCH",
        "open_clip's networks as zero-shot classifiers, such as open_clip/ViT-B-32 "
        "(--weights gives the file)",
        from_open_clip.load,
    ),
    "caffe": ModelSource(
        "caffe/NAME",
        "the paper's networks: caffe/reference, caffe/vgg-cnn-s, caffe/vgg16 and caffe/googlenet "
        "(--weights gives the .caffemodel file)",
        from_caffe.load,
    ),
    "onnx": ModelSource("onnx/FILE", "an ONNX file, run by onnxruntime", from_onnx.load),
    "python": ModelSource(
        "python/MODULE:CALLABLE",
        "your own: a callable that returns a torch.nn.Module and its preprocessing",
        from_python.load,
    ),
    "baseline": ModelSource(
        "baseline/nearest",
        "the nearest clean photograph by its grey 32x32 thumbnail; needs no weights",
        from_baseline.load,
    ),
}
"""The sources by the first part of a model's name. A new one is a file, and a line here."""

_OWN_FORMATS = ("caffe", "onnx", "baseline")
"""Sources whose weights are no checkpoints."""


def load_model(name: str, options: LoadOptions | None = None) -> Model:
    """Load a classifier of the 1,000 ImageNet classes, on the CPU, ready to evaluate.

    Args:
        name: source and name, such as `timm/vgg16`.
        options: what to override.

    Raises:
        UsageError: the name has no known source, or an override makes no sense.
        ModelError: the model or its weights cannot be had, do not fit, or do not give logits of
            1,000 classes.
    """
    from imagenetq.evaluate.models.assemble import assemble

    prefix, slash, rest = name.partition("/")
    if not slash or not rest or prefix not in SOURCES:
        forms = ", ".join(source.form for source in SOURCES.values())
        raise UsageError(f"no model {name!r}; models are named {forms}")
    options = options or LoadOptions()
    if options.weights_key is not None and (options.weights is None or prefix in _OWN_FORMATS):
        raise UsageError(
            f"--weights-key {options.weights_key}: only of a checkpoint that --weights names; "
            "leave it out"
        )
    with named_if_missing():
        return assemble(name, SOURCES[prefix].load(rest, options), options)
