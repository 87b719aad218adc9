"""Writes Caffe's files: deploy definitions of the paper's networks, and weights for them.

The definitions follow the published `deploy.prototxt` files and know nothing of ours. Both
generations are written: `layer` messages, and the `layers` of before 2015. The messages are
declared for the protobuf library, with the numbers of BVLC's `caffe.proto`.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from numpy.typing import NDArray

Generation = Literal["layer", "layers"]
Numbers = Literal["bytes", "packed", "unpacked", "double"]
Arrays = list[NDArray[np.floating]]

_OLD_KINDS = {"InnerProduct": "INNER_PRODUCT"}


@cache
def net_parameter(numbers: Numbers) -> Any:
    """The class of the message `NetParameter`, with the fields that weights need.

    `bytes` declares a blob's data as the bytes that packed floats are on the wire: protobuf takes
    20 seconds to make Python's numbers of VGG-16's floats.
    """
    types = descriptor_pb2.FieldDescriptorProto
    package = f"caffe_{numbers}"
    file = descriptor_pb2.FileDescriptorProto(name=package, package=package, syntax="proto2")

    def message(name: str, *fields: tuple[str, int, bool, Any]) -> None:
        declared = file.message_type.add(name=name)
        for field_name, number, repeated, kind in fields:
            label = types.LABEL_REPEATED if repeated else types.LABEL_OPTIONAL
            added = declared.field.add(name=field_name, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = types.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                added.type = kind
                packable = kind not in (types.TYPE_BYTES, types.TYPE_STRING)
                if repeated and packable and numbers != "unpacked":
                    added.options.packed = True

    data = types.TYPE_BYTES if numbers == "bytes" else types.TYPE_FLOAT
    message("BlobShape", ("dim", 1, True, types.TYPE_INT64))
    message(
        "BlobProto",
        ("shape", 7, False, "BlobShape"),
        ("data", 5, numbers != "bytes", data),
        ("double_data", 8, True, types.TYPE_DOUBLE),
        *((name, number, False, types.TYPE_INT32) for number, name in enumerate(_AXES, start=1)),
    )
    text = types.TYPE_STRING
    message("LayerParameter", ("name", 1, False, text), ("blobs", 7, True, "BlobProto"))
    message("V1LayerParameter", ("name", 4, False, text), ("blobs", 6, True, "BlobProto"))
    message(
        "NetParameter",
        ("name", 1, False, text),
        ("layer", 100, True, "LayerParameter"),
        ("layers", 2, True, "V1LayerParameter"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.NetParameter"))


_AXES = ("num", "channels", "height", "width")


def write_weights(
    path: Path,
    layers: Iterable[tuple[str, Arrays]],
    generation: Generation = "layer",
    numbers: Numbers = "bytes",
) -> Path:
    """Write a `.caffemodel` file of layers with their blobs; old ones have four axes."""
    with path.open("wb") as file:
        file.write(net_parameter(numbers)(name="test").SerializeToString())
        for name, arrays in layers:
            # Messages one after the other are one message that holds the layers of all.
            net = net_parameter(numbers)()
            layer = getattr(net, generation).add(name=name)
            for array in arrays:
                _add_blob(layer, array, generation, numbers)
            file.write(net.SerializeToString())
    return path


def _add_blob(
    layer: Any, array: NDArray[np.floating], generation: Generation, numbers: Numbers
) -> None:
    blob = layer.blobs.add()
    if generation == "layer":
        blob.shape.dim.extend(array.shape)
    else:
        sides = (1,) * (4 - array.ndim) + array.shape
        for axis, side in zip(_AXES, sides, strict=True):
            setattr(blob, axis, side)
    if numbers == "bytes":
        blob.data = array.astype("<f4").tobytes()
    elif numbers == "double":
        blob.double_data.extend(array.ravel())
    else:
        blob.data.extend(array.ravel())


@dataclass
class Deploy:
    """A deploy definition in the making; each method adds a layer on top of the last one.

    Attributes:
        side: of the input.
        layers: name, kind, bottoms, top and parameters of each.
        blobs: shapes of weight and bias, by the layer's name.
    """

    side: int
    layers: list[tuple[str, str, list[str], str, str]] = field(default_factory=list)
    blobs: dict[str, tuple[tuple[int, ...], tuple[int]]] = field(default_factory=dict)
    last: str = "data"

    def add(self, name: str, kind: str, parameters: str = "", bottoms: Any = None) -> None:
        bottoms = [self.last] if bottoms is None else bottoms
        in_place = kind in ("ReLU", "Dropout")
        top = self.last if in_place else name
        self.layers.append((name, kind, bottoms, top, parameters))
        self.last = top

    def conv(self, name: str, relu: str, inputs: int, outputs: int, **sides: int) -> None:
        self.blobs[name] = (
            (outputs, inputs // sides.get("group", 1), sides["kernel_size"], sides["kernel_size"]),
            (outputs,),
        )
        shown = " ".join(f"{key}: {value}" for key, value in sides.items())
        self.add(name, "Convolution", f"convolution_param {{ num_output: {outputs} {shown} }}")
        self.add(relu, "ReLU")

    def full(self, name: str, inputs: int, outputs: int) -> None:
        self.blobs[name] = ((outputs, inputs), (outputs,))
        self.add(name, "InnerProduct", f"inner_product_param {{ num_output: {outputs} }}")

    def pool(self, name: str, kernel: int, stride: int, pad: int = 0, kind: str = "MAX") -> None:
        sides = f"kernel_size: {kernel} stride: {stride} pad: {pad}"
        self.add(name, "Pooling", f"pooling_param {{ pool: {kind} {sides} }}")

    def lrn(self, name: str, alpha: float, k: float = 1.0) -> None:
        # OpenCV reads no k: (k + a s)**-b is k**-b (1 + a/k s)**-b.
        constants = f"local_size: 5 alpha: {alpha / k} beta: 0.75"
        self.add(name, "LRN", f"lrn_param {{ {constants} }}")
        if k != 1:
            self.add(f"{name}/k", "Power", f"power_param {{ scale: {k**-0.75} }}")

    def prototxt(self, generation: Generation) -> str:
        dims = "".join(f"input_dim: {side}\n" for side in (1, 3, self.side, self.side))
        text = f'name: "test"\ninput: "data"\n{dims}'
        for name, kind, bottoms, top, parameters in self.layers:
            kind = f'"{kind}"' if generation == "layer" else _OLD_KINDS.get(kind, kind.upper())
            below = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
            text += f'{generation} {{ name: "{name}" type: {kind} {below} top: "{top}" '
            text += f"{parameters} }}\n"
        return text

    def weights(self, seed: int = 0) -> Iterator[tuple[str, Arrays]]:
        """He et al.'s initialisation, with which signals neither vanish nor grow; small biases."""
        generator = np.random.default_rng(seed)
        for name, (weight, bias) in self.blobs.items():
            scale = np.float32(math.sqrt(2 / math.prod(weight[1:])))
            values = generator.standard_normal(weight, dtype=np.float32)
            values *= scale
            yield name, [values, generator.standard_normal(bias, dtype=np.float32)]


def _top(net: Deploy, inputs: int) -> Deploy:
    for number, n_inputs in ((6, inputs), (7, 4096)):
        net.full(f"fc{number}", n_inputs, 4096)
        net.add(f"relu{number}", "ReLU")
        net.add(f"drop{number}", "Dropout", "dropout_param { dropout_ratio: 0.5 }")
    net.full("fc8", 4096, 1000)
    net.add("prob", "Softmax")
    return net


def caffenet() -> Deploy:
    net = Deploy(227)
    net.conv("conv1", "relu1", 3, 96, kernel_size=11, stride=4)
    net.pool("pool1", 3, 2)
    net.lrn("norm1", 1e-4)
    net.conv("conv2", "relu2", 96, 256, pad=2, kernel_size=5, group=2)
    net.pool("pool2", 3, 2)
    net.lrn("norm2", 1e-4)
    net.conv("conv3", "relu3", 256, 384, pad=1, kernel_size=3)
    net.conv("conv4", "relu4", 384, 384, pad=1, kernel_size=3, group=2)
    net.conv("conv5", "relu5", 384, 256, pad=1, kernel_size=3, group=2)
    net.pool("pool5", 3, 2)
    return _top(net, 9216)


def vgg_cnn_s() -> Deploy:
    net = Deploy(224)
    net.conv("conv1", "relu1", 3, 96, kernel_size=7, stride=2)
    net.lrn("norm1", 5e-4, k=2)
    net.pool("pool1", 3, 3)
    net.conv("conv2", "relu2", 96, 256, kernel_size=5)
    net.pool("pool2", 2, 2)
    net.conv("conv3", "relu3", 256, 512, pad=1, kernel_size=3)
    net.conv("conv4", "relu4", 512, 512, pad=1, kernel_size=3)
    net.conv("conv5", "relu5", 512, 512, pad=1, kernel_size=3)
    net.pool("pool5", 3, 3)
    return _top(net, 18432)


def vgg16() -> Deploy:
    net = Deploy(224)
    widths = {1: [64, 64], 2: [128, 128], 3: [256] * 3, 4: [512] * 3, 5: [512] * 3}
    inputs = 3
    for block, outputs in widths.items():
        for index, width in enumerate(outputs, start=1):
            name = f"{block}_{index}"
            net.conv(f"conv{name}", f"relu{name}", inputs, width, pad=1, kernel_size=3)
            inputs = width
        net.pool(f"pool{block}", 2, 2)
    return _top(net, 25088)


def _inception(net: Deploy, name: str, inputs: int, widths: list[int]) -> int:
    one, three_reduced, three, five_reduced, five, pooled = widths
    below, tops = net.last, []

    def conv(part: str, n_inputs: int, n_outputs: int, **sides: int) -> None:
        relu = f"inception_{name}/relu_{part}"
        net.conv(f"inception_{name}/{part}", relu, n_inputs, n_outputs, **sides)

    for part, side, reduced, outputs in (
        ("1x1", 1, 0, one),
        ("3x3", 3, three_reduced, three),
        ("5x5", 5, five_reduced, five),
    ):
        net.last = below
        if reduced:
            conv(f"{part}_reduce", inputs, reduced, kernel_size=1)
        conv(part, reduced or inputs, outputs, pad=side // 2, kernel_size=side)
        tops.append(net.last)
    net.last = below
    net.pool(f"inception_{name}/pool", 3, 1, pad=1)
    conv("pool_proj", inputs, pooled, kernel_size=1)
    tops.append(net.last)
    net.add(f"inception_{name}/output", "Concat", bottoms=tops)
    return one + three + five + pooled


def googlenet() -> Deploy:
    net = Deploy(224)
    net.conv("conv1/7x7_s2", "conv1/relu_7x7", 3, 64, pad=3, kernel_size=7, stride=2)
    net.pool("pool1/3x3_s2", 3, 2)
    net.lrn("pool1/norm1", 1e-4)
    net.conv("conv2/3x3_reduce", "conv2/relu_3x3_reduce", 64, 64, kernel_size=1)
    net.conv("conv2/3x3", "conv2/relu_3x3", 64, 192, pad=1, kernel_size=3)
    net.lrn("conv2/norm2", 1e-4)
    net.pool("pool2/3x3_s2", 3, 2)
    width = _inception(net, "3a", 192, [64, 96, 128, 16, 32, 32])
    width = _inception(net, "3b", width, [128, 128, 192, 32, 96, 64])
    net.pool("pool3/3x3_s2", 3, 2)
    width = _inception(net, "4a", width, [192, 96, 208, 16, 48, 64])
    width = _inception(net, "4b", width, [160, 112, 224, 24, 64, 64])
    width = _inception(net, "4c", width, [128, 128, 256, 24, 64, 64])
    width = _inception(net, "4d", width, [112, 144, 288, 32, 64, 64])
    width = _inception(net, "4e", width, [256, 160, 320, 32, 128, 128])
    net.pool("pool4/3x3_s2", 3, 2)
    width = _inception(net, "5a", width, [256, 160, 320, 32, 128, 128])
    width = _inception(net, "5b", width, [384, 192, 384, 48, 128, 128])
    net.pool("pool5/7x7_s1", 7, 1, kind="AVE")
    net.add("pool5/drop_7x7_s1", "Dropout", "dropout_param { dropout_ratio: 0.4 }")
    net.full("loss3/classifier", width, 1000)
    net.add("prob", "Softmax")
    return net


AUXILIARY: dict[str, tuple[tuple[int, ...], tuple[int]]] = {
    "loss1/conv": ((128, 512, 1, 1), (128,)),
    "loss1/fc": ((1024, 2048), (1024,)),
    "loss1/classifier": ((1000, 1024), (1000,)),
    "loss2/conv": ((128, 528, 1, 1), (128,)),
    "loss2/fc": ((1024, 2048), (1024,)),
    "loss2/classifier": ((1000, 1024), (1000,)),
}
"""Of the published GoogLeNet file, which was saved from training."""

DEPLOYS: dict[str, Callable[[], Deploy]] = {
    "reference": caffenet,
    "vgg-cnn-s": vgg_cnn_s,
    "vgg16": vgg16,
    "googlenet": googlenet,
}
