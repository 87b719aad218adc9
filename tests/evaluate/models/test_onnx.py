from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, load_model  # noqa: E402
from imagenetq.evaluate.models.describe import describe  # noqa: E402
from imagenetq.evaluate.models.outputs import settle  # noqa: E402
from imagenetq.files import sha256_of  # noqa: E402

WEIGHT = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)


def graph(
    shape: Any = ("n", 3, 32, 40), outputs: int = 1000, softmax: bool = False, kind: int = 1
) -> Any:
    """The mean colour times a matrix, perhaps with a softmax."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "weight"], ["logits"]),
    ]
    weight = WEIGHT[:, :outputs] if shape[1] == 3 else np.ones((shape[1], outputs), np.float32)
    last = "logits"
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
        last = "probabilities"
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [shape[0], outputs])],
        [numpy_helper.from_array(weight, "weight")],
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(made, opset_imports=opset, ir_version=8)


def expected(inputs: "torch.Tensor") -> "torch.Tensor":
    return inputs.mean((2, 3)) @ torch.from_numpy(WEIGHT)


def test_gives_the_same_logits(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(graph(), file)
    model = load_model(f"onnx/{file}")

    inputs = torch.randn(5, 3, 32, 40).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(model.module(inputs), expected(inputs))
    assert model.preprocessing.input_size == (32, 40)
    assert model.preprocessing.record()["resize"] == 36
    assert model.parameters == 3000
    assert model.weights_sha256 == sha256_of(file)


def test_runs_graphs_of_a_fixed_batch_size(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(graph((2, 3, 32, 32)), file)
    model = load_model(f"onnx/{file}")
    for n in (1, 2, 5):
        inputs = torch.randn(n, 3, 32, 32)
        torch.testing.assert_close(model.module(inputs), expected(inputs))


def written_out(last: str) -> Any:
    """A softmax that is no node of its own."""
    return [
        helper.make_node("Exp", [last], ["exponentials"]),
        helper.make_node("ReduceSum", ["exponentials", "axis"], ["sums"], keepdims=1),
        helper.make_node("Div", ["exponentials", "sums"], ["probabilities"]),
    ]


@pytest.mark.parametrize("tail", ["", "Identity", "Reshape", "written out"])
@pytest.mark.parametrize("class_map", [None, tuple(range(1, 1000))])
def test_undoes_a_softmax_wherever_it_is(tail: str, class_map: Any, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    made = graph(softmax=tail != "written out")
    made.graph.initializer.append(numpy_helper.from_array(np.array([-1, 1000]), "shape"))
    made.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axis"))
    inputs = ["probabilities", *["shape"][: tail == "Reshape"]]
    if tail == "written out":
        made.graph.node.extend(written_out("logits"))
        made.graph.output[0].name = "probabilities"
    elif tail:
        made.graph.node.append(helper.make_node(tail, inputs, ["last"]))
        made.graph.output[0].name = "last"
    onnx.save(made, file)

    # Class 999 is that of output 0, so that the map is one.
    options = LoadOptions(class_map=class_map and (*class_map, 0))
    model = load_model(f"onnx/{file}", options)
    pictures = torch.randn(3, 3, 32, 40)
    settled = settle(model, pictures[:1])
    logits = expected(pictures).log_softmax(1)
    logits = logits if class_map is None else logits[:, [*class_map, 0]]
    assert settled.outputs == "probabilities"
    torch.testing.assert_close(settled.module(pictures), logits)
    assert settle(settled, pictures) is settled


@pytest.mark.parametrize("declared", ["n", 1])
def test_runs_graphs_of_one_picture_inside(declared: Any, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    made = graph((declared, 3, 32, 32))
    made.graph.initializer.append(numpy_helper.from_array(np.array([1, 3]), "one"))
    made.graph.node.insert(1, helper.make_node("Reshape", ["mean", "one"], ["flat"]))
    made.graph.node[2].input[0] = "flat"
    onnx.save(made, file)
    model = load_model(f"onnx/{file}")
    pictures = torch.randn(5, 3, 32, 32)
    torch.testing.assert_close(model.module(pictures), expected(pictures))


def test_the_tensors_are_hashed_in_the_order_of_their_names(tmp_path: Path) -> None:
    hashes = set()
    for names in (("a", "b"), ("b", "a")):
        made = graph()
        for name in names:
            value = np.full(2, ord(name), np.float32)
            made.graph.initializer.append(numpy_helper.from_array(value, name))
        onnx.save(made, tmp_path / "net.onnx")
        hashes.add(load_model(f"onnx/{tmp_path / 'net.onnx'}").tensors_sha256)
    assert len(hashes) == 1


def test_hashes_weights_that_lie_in_another_file(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(graph(), file, save_as_external_data=True, location="net.data", size_threshold=0)
    first = load_model(f"onnx/{file}").weights_sha256
    data = bytearray((tmp_path / "net.data").read_bytes())
    data[0] ^= 1
    (tmp_path / "net.data").write_bytes(data)
    assert load_model(f"onnx/{file}").weights_sha256 != first
    (tmp_path / "net.data").unlink()
    with pytest.raises(ModelError, match="onnxruntime refuses it"):
        load_model(f"onnx/{file}")


def test_a_class_map_picks_outputs(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(graph(), file)
    reverse = tuple(range(999, -1, -1))
    inputs = torch.randn(1, 3, 32, 40)
    model = load_model(f"onnx/{file}", LoadOptions(class_map=reverse))
    torch.testing.assert_close(model.module(inputs), expected(inputs).flip(1))


def test_describes_operators(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(graph(), file)
    assert describe(f"onnx/{file}")["layers"] == {"ReduceMean": 1, "MatMul": 1}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (graph(outputs=10), "has 10 outputs, not 1000"),
        (graph(("n", 1, 32, 32)), r"it must take one tensor\(float\) of shape \(n, 3, height"),
        (graph(("n", 32, 32, 3)), r"it must take one tensor\(float\)"),
        (graph(kind=TensorProto.DOUBLE), "refuses it"),
    ],
)
def test_refuses_other_graphs(model: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model, file)
    with pytest.raises(ModelError, match=message):
        load_model(f"onnx/{file}")


def test_explains_bad_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"onnx/absent\.onnx: no such file"):
        load_model("onnx/absent.onnx")
    for name, content in (("empty", b""), ("text", b"hello, world"), ("zeros", bytes(100))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=r"not a readable ONNX file|refuses it") as caught:
            load_model(f"onnx/{tmp_path / name}")
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="holds its own weights"):
        load_model("onnx/x.onnx", LoadOptions(weights="w"))
