"""Caffe's weights files: what is read from them, and what is refused."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("google.protobuf")

from caffe_files import (  # noqa: E402
    AUXILIARY,
    DEPLOYS,
    Arrays,
    Generation,
    Numbers,
    net_parameter,
    write_weights,
)
from imagenetq.errors import ModelError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, load_model  # noqa: E402
from imagenetq.evaluate.models.caffe.load_caffemodel import filled  # noqa: E402

SHAPES = {"conv/1": ((4, 3, 3, 3), (4,)), "fc": ((5, 16), (5,))}
SIZE = sum(math.prod(shape) for shapes in SHAPES.values() for shape in shapes)


def tiny() -> "torch.nn.Module":
    layers = {"conv/1": torch.nn.Conv2d(3, 4, 3), "fc": torch.nn.Linear(16, 5)}
    return torch.nn.Sequential(OrderedDict(layers))


def arrays() -> dict[str, Arrays]:
    generator = np.random.default_rng(0)
    return {
        name: [generator.normal(size=shape).astype(np.float32) for shape in shapes]
        for name, shapes in SHAPES.items()
    }


def fill(path: Path, **options: Any) -> "torch.nn.Module":
    return filled(tiny, path, "x", most_bytes=10_000, **options)


def require_equal(network: "torch.nn.Module", layers: dict[str, Arrays]) -> None:
    found = dict(network.named_parameters())
    for name, (weight, bias) in layers.items():
        expected = weight[:, ::-1] if name == "conv/1" else weight
        np.testing.assert_array_equal(found[f"{name}.weight"].detach().numpy(), expected)
        np.testing.assert_array_equal(found[f"{name}.bias"].detach().numpy(), bias)


@pytest.mark.parametrize("generation", ["layer", "layers"])
@pytest.mark.parametrize("numbers", ["bytes", "packed", "unpacked", "double"])
def test_reads_every_way_to_write_numbers(
    generation: Generation, numbers: Numbers, tmp_path: Path
) -> None:
    layers = arrays()
    file = write_weights(tmp_path / "w", layers.items(), generation, numbers)
    require_equal(fill(file), layers)


def test_numbers_of_many_pieces_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagenetq.evaluate.models.caffe.caffemodel._PIECE", 7)
    monkeypatch.setattr("imagenetq.evaluate.models.caffe.protobuf_wire._RUN", 5)
    layers = arrays()
    for numbers in ("packed", "unpacked", "double"):
        require_equal(fill(write_weights(tmp_path / "w", layers.items(), "layer", numbers)), layers)


def test_numbers_in_several_packed_parts(tmp_path: Path) -> None:
    layers = arrays()
    net = net_parameter("bytes")()
    for name, blobs in layers.items():
        layer = net.layer.add(name=name)
        for blob in blobs:
            layer.blobs.add().shape.dim.extend(blob.shape)
    # Fields of a message that come twice are merged; protobuf's own writer does not do it.
    data = bytearray()
    for layer in net.layer:
        name, content = layer.name, bytearray(b"\x0a" + bytes([len(layer.name)]))
        content += name.encode()
        for blob, numbers in zip(layer.blobs, layers[name], strict=True):
            raw, head = numbers.tobytes(), blob.SerializeToString()
            half = len(raw) // 8 * 4
            body = head + b"".join(field(5, part) for part in (raw[:half], raw[half:]))
            content += field(7, body)
        data += field(100, bytes(content))
    (tmp_path / "w").write_bytes(data)
    require_equal(fill(tmp_path / "w"), layers)


def field(number: int, content: bytes) -> bytes:
    """A field of bytes on the wire."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def test_layers_without_blobs_and_unknown_fields_do_not_matter(tmp_path: Path) -> None:
    layers = arrays()
    names = [("data", []), *layers.items(), ("prob", []), ("data", [])]
    file = write_weights(tmp_path / "w", names)
    with file.open("ab") as more:
        more.write(field(99, b"anything") + b"\x28\x01" + b"\x3d\x00\x00\x00\x00")
    require_equal(fill(file), layers)


def test_named_layers_are_left_out(tmp_path: Path) -> None:
    layers = {**arrays(), "loss1/fc": [np.zeros((2, 2), np.float32)]}
    file = write_weights(tmp_path / "w", layers.items())
    with pytest.raises(ModelError, match=r"1 unexpected \(loss1/fc weight\)"):
        fill(file)
    require_equal(fill(file, left_out=("loss1/",)), arrays())


def test_takes_the_auxiliary_classifiers_of_googlenet(tmp_path: Path) -> None:
    deploy = DEPLOYS["googlenet"]()
    bare = write_weights(tmp_path / "bare", deploy.weights())
    deploy.blobs.update(AUXILIARY)
    whole = write_weights(tmp_path / "whole", deploy.weights())
    hashes = []
    for file in (bare, whole):
        model = load_model("caffe/googlenet", LoadOptions(weights=str(file)))
        assert model.parameters == 6_998_552
        hashes.append(model.weights_sha256)
    assert hashes[0] != hashes[1]


def changed(change: Callable[[dict[str, Arrays]], Any]) -> dict[str, Arrays]:
    layers = arrays()
    change(layers)
    return layers


def put(layers: dict[str, Arrays], value: float) -> None:
    layers["fc"][1][3] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.pop("fc"), r"2 missing \(fc weight, fc bias\)"),
        (lambda x: x["fc"].pop(), r"does not fit x: of its arrays 1 missing \(fc bias\); is it"),
        (lambda x: x.update(more=x["fc"]), r"2 unexpected \(more weight, more bias\)"),
        (
            lambda x: x.update({"a\nb": x["fc"]}),
            r"2 unexpected \('a\\nb' weight, 'a\\nb' bias\)",
        ),
        (lambda x: x["fc"].append(x["fc"][1]), r"1 unexpected \(fc blob 2\)"),
        (
            lambda x: x.update(fc=[x["fc"][0].T.copy(), x["fc"][1]]),
            r"1 of another shape \(fc weight \(16, 5\) for \(5, 16\)\)",
        ),
        (lambda x: put(x, math.nan), "damaged .caffemodel .*fc bias: infinite or not a number"),
        (lambda x: put(x, math.inf), "damaged .caffemodel .*fc bias: infinite or not a number"),
    ],
)
def test_refuses_what_does_not_fit(
    change: Callable[[dict[str, Arrays]], Any], message: str, tmp_path: Path
) -> None:
    padded = [
        *changed(change).items(),
        *((f"{i:0200}", []) for i in range(5)),
    ]  # Else some would be too short.
    file = write_weights(tmp_path / "w", padded)
    with pytest.raises(ModelError, match=message) as caught:
        fill(file)
    assert "\n" not in str(caught.value)


def test_refuses_doubles_that_floats_cannot_hold(tmp_path: Path) -> None:
    layers = changed(lambda x: x.update(fc=[x["fc"][0].astype(np.float64), x["fc"][1]]))
    layers["fc"][0][0, 0] = 1e300
    file = write_weights(tmp_path / "w", layers.items(), "layer", "double")
    with pytest.raises(ModelError, match="fc weight: infinite"):
        fill(file)


def test_refuses_two_layers_of_one_name(tmp_path: Path) -> None:
    file = write_weights(tmp_path / "w", [*arrays().items(), *arrays().items()])
    with pytest.raises(ModelError, match="it has two layers conv/1"):
        fill(file)


def test_refuses_other_sizes_than_the_shape_says(tmp_path: Path) -> None:
    net = net_parameter("packed")()
    for name, blobs in arrays().items():
        layer = net.layer.add(name=name)
        for numbers in blobs:
            blob = layer.blobs.add()
            blob.shape.dim.extend(numbers.shape)
            blob.data.extend([*numbers.ravel(), 1.0])
    (tmp_path / "w").write_bytes(net.SerializeToString())
    with pytest.raises(ModelError, match=r"4 of another size \(conv/1 weight 109 for 108, "):
        fill(tmp_path / "w")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = write_weights(tmp_path / "whole", arrays().items()).read_bytes()
    for length in range(0, len(whole), 3):
        (tmp_path / "w").write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"cut short|damaged|does not fit") as caught:
            fill(tmp_path / "w")
        assert "\n" not in str(caught.value)


def test_no_changed_byte_ends_in_another_error(tmp_path: Path) -> None:
    whole = write_weights(tmp_path / "whole", arrays().items(), "layers").read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(2000):
        spoilt = bytearray(whole)
        for place in generator.integers(0, len(whole), 3):
            spoilt[place] = generator.integers(0, 256)
        (tmp_path / "w").write_bytes(spoilt)
        with suppress(ModelError):
            fill(tmp_path / "w")


def sparse(path: Path, start: bytes, size: int) -> Path:
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


def repeated(path: Path, start: bytes, unit: bytes, size: int) -> Path:
    path.write_bytes((start + unit * (size // len(unit) + 1))[:size])
    return path


N = 30_000_000
HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing": (lambda p: sparse(p, b"", 0), "0 bytes, but the weights of caffe/googlenet take"),
    "text": (lambda p: repeated(p, b"", b"<html>404</html>\n", 900), "900 bytes, but the weights"),
    "zeros": (lambda p: sparse(p, b"", N), "there is no field at byte 0"),
    "a gigabyte of zeros": (lambda p: sparse(p, b"", 10**9), "it is of another network"),
    "a huge length": (
        lambda p: sparse(p, b"\xa2\x06" + varint(2**62), N),
        "a field of 4,611,686,018,427,387,904 bytes at byte 0 passes",
    ),
    "a length without end": (lambda p: repeated(p, b"\xa2\x06", b"\xff", N), "has no end"),
    "no field": (lambda p: repeated(p, b"", b"\x07", N), "is of no known kind|no field"),
    "a group": (lambda p: repeated(p, b"", b"\x0b", N), "is of no known kind"),
    "empty layers": (lambda p: repeated(p, b"", b"\xa2\x06\x00", N), "more than 100,000 fields"),
    "empty blobs": (
        lambda p: repeated(p, b"\xa2\x06" + varint(N - 6), b"\x3a\x00", N),
        "more than 100,000 fields",
    ),
    "a long name": (
        lambda p: sparse(p, b"\xa2\x06" + varint(N - 6) + b"\x0a" + varint(N - 11), N),
        "a field of at most 200 bytes has",
    ),
    "unpacked numbers": (lambda p: repeated(p, b"", b"\x2d\0\0\0\0", N), "342 missing|116 missing"),
    "a layer that is a number": (lambda p: sparse(p, b"\xa0\x06\x01", N), "should be a message"),
    "a short number": (
        lambda p: repeated(p, field(1, b"x" * (N - 12)), b"\x2d\0", N),
        "passes the end|cut short|damaged",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_end_quickly_in_one_line(kind: str, tmp_path: Path) -> None:
    make, message = HOSTILE[kind]
    file = make(tmp_path / "w.caffemodel")
    torch.empty(0)
    start = time.process_time()
    with pytest.raises(ModelError, match=message) as caught:
        load_model("caffe/googlenet", LoadOptions(weights=str(file)))
    assert time.process_time() - start < 2
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def hostile_shape(dims: Iterable[int]) -> bytes:
    blob = field(7, field(1, b"".join(varint(dim) for dim in dims)))
    return field(100, field(1, b"fc") + field(7, blob))


def test_shapes_are_bounded(tmp_path: Path) -> None:
    for dims, message in (
        ([1] * 5000, "a shape takes 5,003 bytes"),
        ([2**63] * 50, r"of another shape \(fc weight \(9223372036854775808"),
    ):
        (tmp_path / "w").write_bytes(hostile_shape(dims) + field(1, b"x" * 4 * SIZE))
        with pytest.raises(ModelError, match=message):
            fill(tmp_path / "w")


def test_refuses_another_networks_file(tmp_path: Path) -> None:
    file = write_weights(tmp_path / "w", DEPLOYS["reference"]().weights())
    for name, message in (
        ("vgg16", "cut short, or of another network"),
        ("googlenet", "bytes, but .* it is of another network"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model(f"caffe/{name}", LoadOptions(weights=str(file)))
    with file.open("r+b") as longer:  # As long as VGG-CNN-S's file.
        longer.seek(0, 2)
        longer.write(field(1, b"x" * 170_000_000))
    with pytest.raises(
        ModelError, match=r"does not fit caffe/vgg-cnn-s: .*conv1 weight \(96, 3, 11"
    ):
        load_model("caffe/vgg-cnn-s", LoadOptions(weights=str(file)))
    file.unlink()


def test_explains_folders_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder; --weights takes a \.caffemodel file"):
        fill(tmp_path)
    with pytest.raises(ModelError, match="no such file"):
        fill(tmp_path / "absent")
