"""ONNX files, run by onnxruntime."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.messages import one_line
from imagenetq.evaluate.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, Size
from imagenetq.files import sha256_of

_CROP_SHARE = 0.875


def load(name: str, options: LoadOptions) -> Network:
    """An ONNX graph of one input, float32 of shape (n, 3, height, width).

    An ONNX file does not say how pictures are prepared. What is taken is the most usual way
    (shorter side to 8/7 of the input, centre crop, ImageNet's mean and standard deviation),
    which `--mean`, `--std` and the others override.

    Raises:
        UsageError: options that an ONNX file does not have.
        ModelError: not a readable ONNX file, or its input is of another kind.
    """
    if options.weights is not None or options.arguments:
        raise UsageError(f"onnx/{name}: holds its own weights and arguments; leave those out")
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"onnx/{name}: no such file")
    graph = _graph(path)
    session = _session(path)
    batch, size = _input_shape(path, session)
    from imagenetq.evaluate.models.modules import OnnxNetwork

    kinds = Counter(node.op_type for node in graph.node)
    module = OnnxNetwork(
        session, batch=batch, is_softmax=_ends_in_softmax(graph), kinds=dict(kinds)
    )
    preprocessing = Preprocessing(
        resize=int(min(size) / _CROP_SHARE),
        interpolation="bilinear",
        crop=size,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    return Network(module, preprocessing, _sha256(path, graph), parameters=_parameters(graph))


def _graph(path: Path) -> Any:
    import onnx

    try:
        return onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf and onnx raise many types.
        raise ModelError(f"onnx/{path}: not a readable ONNX file ({one_line(error)})") from None


def _session(path: Path) -> Any:
    import onnxruntime

    available = onnxruntime.get_available_providers()
    # TF32 would make fp32 results differ from every other source's.
    providers: list[Any] = [("CUDAExecutionProvider", {"use_tf32": 0}), "CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in available:
        providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(path, providers=providers)
    except Exception as error:  # onnxruntime's exceptions have no common root of their own.
        raise ModelError(f"onnx/{path}: onnxruntime refuses it ({one_line(error)})") from None


def _input_shape(path: Path, session: Any) -> tuple[int | None, Size]:
    """The fixed batch size, if any, and the input size (224 where it is free)."""
    inputs = session.get_inputs()
    shape, kind = inputs[0].shape, inputs[0].type
    if len(inputs) != 1 or kind != "tensor(float)" or len(shape) != 4 or shape[1] not in (3, None):
        found = ", ".join(f"{i.name}: {i.type} of shape {i.shape}" for i in inputs)
        raise ModelError(
            f"onnx/{path}: takes {found}; it must take one tensor(float) of shape "
            "(n, 3, height, width)"
        )
    batch = shape[0] if isinstance(shape[0], int) else None
    height, width = (side if isinstance(side, int) else 224 for side in shape[2:])
    return batch, (height, width)


def _ends_in_softmax(graph: Any) -> bool:
    output = graph.output[0].name
    return any(output in node.output and node.op_type == "Softmax" for node in graph.node)


def _parameters(graph: Any) -> int:
    sizes = (list(tensor.dims) for tensor in graph.initializer)
    total = 0
    for dims in sizes:
        n_elements = 1
        for side in dims:
            n_elements *= side
        total += n_elements
    return total


def _sha256(path: Path, graph: Any) -> str:
    """Of the file; with weights in further files, of a line `name TAB hash LF` for each file."""
    locations = {
        entry.value
        for tensor in graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    if not locations:
        return sha256_of(path)
    lines = [f"{path.name}\t{sha256_of(path)}\n"]
    lines += [f"{name}\t{sha256_of(path.parent / name)}\n" for name in sorted(locations)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
