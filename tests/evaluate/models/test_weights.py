import argparse
import hashlib
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from imagenetq.errors import ModelError  # noqa: E402
from imagenetq.evaluate.models.weights import load_weights, tensors_sha256  # noqa: E402

Make = Callable[..., "torch.nn.Module"]


@pytest.fixture
def network(tiny_network: Make) -> "torch.nn.Module":
    return tiny_network(10)


def changed(network: "torch.nn.Module") -> dict[str, Any]:
    """The network's tensors, each a little larger."""
    return {
        name: tensor + 1 if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }


def save(tensors: Any, path: Path) -> str:
    if path.suffix == ".safetensors":
        safetensors.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return str(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".bin"])
def test_loads_and_hashes_a_file(suffix: str, network: "torch.nn.Module", tmp_path: Path) -> None:
    tensors = changed(network)
    file = save(tensors, tmp_path / f"w{suffix}")

    assert load_weights(network, file, "x") == hashlib.sha256(Path(file).read_bytes()).hexdigest()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, tensors[name])


def test_loads_a_legacy_checkpoint(network: "torch.nn.Module", tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    torch.save(changed(network), file, _use_new_zipfile_serialization=False)
    expected = changed(network)["0.weight"]
    load_weights(network, str(file), "x")
    assert torch.equal(network.state_dict()["0.weight"], expected)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: {"state_dict": tensors, "epoch": 3},
        lambda tensors: {"model": tensors, "lr": 0.1},
        lambda tensors: {"model": {"state_dict": tensors}},
        lambda tensors: {f"module.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {f"module._orig_mod.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {"state_dict": {f"model.{n}": tensor for n, tensor in tensors.items()}},
        lambda tensors: {n: t for n, t in tensors.items() if "num_batches" not in n},
    ],
)
def test_unwraps(wrap: Callable[[Any], Any], network: "torch.nn.Module", tmp_path: Path) -> None:
    tensors = changed(network)
    load_weights(network, save(wrap(tensors), tmp_path / "w.pt"), "x")
    assert torch.equal(network.state_dict()["0.weight"], tensors["0.weight"])


def test_keeps_a_prefix_that_the_network_has(tiny_network: Make, tmp_path: Path) -> None:
    outer = torch.nn.Module()
    outer.module = tiny_network(10)
    file = save(outer.state_dict(), tmp_path / "w.safetensors")
    load_weights(outer, file, "x")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_become_float32(
    dtype: str, network: "torch.nn.Module", tmp_path: Path
) -> None:
    tensors = {
        n: t.to(getattr(torch, dtype)) if t.is_floating_point() else t
        for n, t in changed(network).items()
    }
    load_weights(network, save(tensors, tmp_path / "w.safetensors"), "x")
    loaded = network.state_dict()["0.weight"]
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, tensors["0.weight"].float())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.pop("0.bias"), r"does not fit x: of its tensors 1 missing \(0\.bias\); check"),
        (lambda t: t.update(a=torch.ones(1)), r"1 unexpected \(a\)"),
        (
            lambda t: t.update({"0.bias": torch.ones(5)}),
            r"1 of another shape \(0\.bias \(5,\) for \(4,\)\)",
        ),
        (
            lambda t: t.update({"0.bias": torch.ones(4, dtype=torch.int8)}),
            r"1 of another type \(0\.bias int8\)",
        ),
        (
            lambda t: [t.pop(n) for n in list(t)[:5]],
            r"missing \(0\.weight, 0\.bias, 1\.weight, \.\.\)",
        ),
    ],
)
def test_refuses_what_does_not_fit(
    spoil: Callable[[Any], Any], message: str, network: "torch.nn.Module", tmp_path: Path
) -> None:
    tensors = changed(network)
    spoil(tensors)
    before = tensors_sha256(network)
    with pytest.raises(ModelError, match=message):
        load_weights(network, save(tensors, tmp_path / "w.safetensors"), "x")
    assert tensors_sha256(network) == before


class Anything:
    pass


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("thing", [Anything(), argparse.Namespace(lr=1), torch.nn.Linear(1, 1)])
def test_refuses_to_unpickle_objects(thing: Any, legacy: bool, tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save({"x": thing}, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(
        ModelError, match=r"holds Python objects .* convert it: python -c"
    ) as caught:
        load_weights(torch.nn.Linear(1, 1), str(file), "x")
    assert "\n" not in str(caught.value)
    assert type(thing).__name__ in str(caught.value)


def test_the_conversion_that_it_shows_works(network: "torch.nn.Module", tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save({"state_dict": changed(network), "args": argparse.Namespace(lr=1)}, file)
    with pytest.raises(ModelError) as caught:
        load_weights(network, str(file), "x")
    command = str(caught.value).partition("convert it: ")[2]
    subprocess.run(command.replace("python", sys.executable, 1), shell=True, check=True)
    load_weights(network, f"{file}.safetensors", "x")


def save_program(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, its files are about.
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), path)


def bad_files(folder: Path) -> dict[str, str]:
    """File names, and what is said of them."""
    good = folder / "good.safetensors"
    safetensors.save_file({"a": torch.zeros(1000)}, good)
    data = good.read_bytes()
    torch.save({"a": torch.zeros(1000)}, folder / "good.pt")
    checkpoint = (folder / "good.pt").read_bytes()
    torch.save(3, folder / "number.pt")
    torch.save({"a": torch.zeros(1), "b": "text"}, folder / "mixed.pt")
    torch.save({}, folder / "none.pt")
    save_program(folder / "script.pt")
    for name, content in {
        "empty": b"",
        "text.safetensors": b"version https://git-lfs.github.com/spec/v1\n",
        "short.safetensors": data[:-100],
        "shorter.safetensors": data[:20],
        "huge.safetensors": (2**62).to_bytes(8, "little") + b"{}",
        "short.pt": checkpoint[:-500],
        "damaged.pt": checkpoint.replace(b"data.pkl", b"dada.pkl"),
    }.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    return {
        "absent": "no such file",
        "folder": "is a folder",
        "empty": "neither safetensors nor a torch checkpoint",
        "text.safetensors": "neither safetensors nor a torch checkpoint",
        "short.safetensors": "damaged safetensors",
        "shorter.safetensors": "damaged safetensors",
        "huge.safetensors": "damaged safetensors",
        "short.pt": "neither safetensors nor a torch checkpoint, or cut short",
        "damaged.pt": "damaged checkpoint",
        "number.pt": "holds no dict of tensors",
        "none.pt": "holds no dict of tensors",
        "mixed.pt": r"holds more than tensors \(b\)",
        "script.pt": "a TorchScript program",
    }


def test_explains_bad_files(network: "torch.nn.Module", tmp_path: Path) -> None:
    for name, message in bad_files(tmp_path).items():
        with pytest.raises(ModelError, match=f"{name}: {message}") as caught:
            load_weights(network, str(tmp_path / name), "x")
        assert "\n" not in str(caught.value)


def test_the_hash_of_tensors_is_as_documented() -> None:
    network = torch.nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[1.0, 2.0]]))
        network.bias.copy_(torch.tensor([3.0]))
    data = b"bias\tfloat32\t1\n\x00\x00\x40\x40"
    data += b"weight\tfloat32\t1,2\n\x00\x00\x80\x3f\x00\x00\x00\x40"
    assert tensors_sha256(network) == hashlib.sha256(data).hexdigest()


def test_the_hash_knows_every_tensor(tiny_network: Make) -> None:
    hashes = {tensors_sha256(tiny_network(10)), tensors_sha256(tiny_network(10))}
    assert len(hashes) == 1
    other = tiny_network(10)
    other[1].running_mean += 1
    assert tensors_sha256(other) not in hashes
