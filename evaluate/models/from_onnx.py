"""Load ONNX files, which onnxruntime runs."""

import hashlib
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.load_errors import one_line
from imagenetq.evaluate.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, Size
from imagenetq.evaluate.models.weights import Weights, add_tensor
from imagenetq.files import sha256_of

_CROP_SHARE = 0.875


def load(name: str, options: LoadOptions) -> Network:
    """Load an ONNX graph of one input, float32 of shape (n, 3, height, width).

    An ONNX file does not say how images are prepared, so the most usual way is assumed: the
    shorter side is resized to 8/7 of the input's, the centre is cropped, and ImageNet's mean and
    standard deviation normalise it. `--mean`, `--std` and the others override that.
    """
    if options.weights is not None or options.arguments:
        raise UsageError(f"onnx/{name}: holds its own weights and arguments; leave those out")
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"onnx/{name}: no such file")
    import onnx

    from imagenetq.evaluate.models.wrappers import OnnxNetwork

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf and onnx raise many types.
        raise ModelError(f"onnx/{path}: not a readable ONNX file ({one_line(error)})") from None
    session = _session(path)
    batch, size = _input_shape(path, session)
    if batch is None and not _takes_several(session, size):
        batch = 1
    kinds = Counter(node.op_type for node in graph.node)
    module = OnnxNetwork(session, batch=batch, kinds=dict(kinds))
    preprocessing = Preprocessing(
        resize=int(min(size) / _CROP_SHARE),
        interpolation="bilinear",
        crop=size,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    weights = Weights(_sha256(path, graph), _tensors_sha256(path, graph))
    parameters = sum(math.prod(tensor.dims) for tensor in graph.initializer)
    return Network(module, preprocessing, weights, parameters=parameters)


def _session(path: Path) -> Any:
    import onnxruntime

    providers: list[Any] = ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        # TF32 would make fp32 results differ from every other source's.
        providers.insert(0, ("CUDAExecutionProvider", {"use_tf32": 0}))
    options = onnxruntime.SessionOptions()
    # Exceptions tell what fails, and the rest of the log is of no use to the user.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions have no common root of their own.
        raise ModelError(f"onnx/{path}: onnxruntime refuses it ({one_line(error)})") from None


def _input_shape(path: Path, session: Any) -> tuple[int | None, Size]:
    """Give the batch size, None if it is free, and the input size, 224 for a side that is free."""
    inputs = session.get_inputs()
    shape, kind = inputs[0].shape, inputs[0].type
    if len(inputs) != 1 or kind != "tensor(float)" or len(shape) != 4 or shape[1] not in (3, None):
        taken = ", ".join(f"{i.name}: {i.type} of shape {i.shape}" for i in inputs)
        raise ModelError(
            f"onnx/{path}: takes {taken}; it must take one tensor(float) of shape "
            "(n, 3, height, width)"
        )
    batch = shape[0] if isinstance(shape[0], int) else None
    height, width = (side if isinstance(side, int) else 224 for side in shape[2:])
    return batch, (height, width)


def _takes_several(session: Any, size: Size) -> bool:
    """Tell whether two images in one batch give what each gives alone.

    A graph may say that it takes any batch size, and yet have the shape of one image inside.
    """
    pictures = np.random.default_rng(0).normal(size=(2, 3, *size)).astype(np.float32)
    name = session.get_inputs()[0].name

    def run(some: NDArray[np.float32]) -> Any:
        return session.run([session.get_outputs()[0].name], {name: some})[0]

    try:
        both = run(pictures)
        alone = np.concatenate([run(pictures[:1]), run(pictures[1:])])
    except Exception:  # onnxruntime's exceptions have no common root of their own.
        return False
    return both.shape == alone.shape and np.allclose(both, alone, rtol=1e-2, atol=1e-3)


def _sha256(path: Path, graph: Any) -> str:
    """Give the hex SHA-256 of an ONNX file and of the files that hold its weights.

    Without such further files it is the ONNX file's own. With them it is that of the lines
    `name TAB hash LF`, one for each file.
    """
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


def _tensors_sha256(path: Path, graph: Any) -> str:
    """Give the hex SHA-256 of the graph's constant tensors, in the form of `tensors_sha256`."""
    from onnx import numpy_helper

    digest = hashlib.sha256()
    try:
        for tensor in sorted(graph.initializer, key=lambda tensor: str(tensor.name)):
            array = np.ascontiguousarray(numpy_helper.to_array(tensor, str(path.parent)))
            add_tensor(digest, tensor.name, array.dtype.name, tensor.dims, array.reshape(-1))
    except Exception as error:  # onnx raises many types where further files are damaged.
        raise ModelError(f"onnx/{path}: its weights cannot be read ({one_line(error)})") from None
    return digest.hexdigest()
