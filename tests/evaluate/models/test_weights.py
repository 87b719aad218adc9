import argparse
import hashlib
import io
import json
import os
import pickle
import random
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
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
        lambda tensors: {f"_orig_mod.module.{n}": tensor for n, tensor in tensors.items()},
        lambda tensors: {f"net.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {f"1.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {"state_dict": tensors, "criterion": {"weight": tensors["0.bias"]}},
        lambda tensors: {"weights": tensors, "optimizer": {"state": {0: tensors}}},
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


@pytest.mark.parametrize("inside", [True, False])
def test_the_conversion_that_it_shows_works(
    inside: bool, network: "torch.nn.Module", tmp_path: Path
) -> None:
    expected = changed(network)
    # Channels last, a whole module beside it, and a name that a shell would take apart.
    layouts = {
        name: tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
        for name, tensor in expected.items()
    }
    file = tmp_path / "my w.pt"
    held = {"state_dict": layouts, "ema": network, "args": argparse.Namespace(lr=1)}
    torch.save(held if inside else network, file)
    with pytest.raises(ModelError) as caught:
        load_weights(network, str(file), "x")
    command = str(caught.value).partition("convert it: ")[2]
    subprocess.run(command.replace("python", sys.executable, 1), shell=True, check=True)
    load_weights(network, f"{file}.plain.pt", "x", "state_dict" if inside else None)
    if inside:
        assert all(torch.equal(t, expected[name]) for name, t in network.state_dict().items())


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
    # Where a zip64 archive says how many disks it is on.
    i = checkpoint.rindex(b"PK\x06\x07") + 16
    np.savez(folder / "arrays.npz", a=np.zeros(3))
    with tarfile.open(folder / "all.tar", "w") as archive:
        archive.add(folder / "good.pt")
    os.mkfifo(folder / "pipe")
    torch.save({0: torch.zeros(1)}, folder / "numbers.pt")
    torch.save({"0.weight": torch.zeros(4, 3, 3, 3, device="meta")}, folder / "meta.pt")
    sparse = torch.sparse_coo_tensor(
        [[0], [0], [0], [0]], [1.0], (4, 3, 3, 3), check_invariants=True
    )
    torch.save({"0.weight": sparse}, folder / "sparse.pt")
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
        "disks.pt": checkpoint[:i] + b"\x02" + checkpoint[i + 1 :],
        "page.pth": b"<!DOCTYPE html><html><title>404</title></html>",
        "packed.pth": b"\x1f\x8b\x08" + bytes(60),
        "index.safetensors": b'{"metadata": {}, "weight_map": {}}',
        "pickle.pt": pickle.dumps({"a": 1}),
        "escapes.pt": checkpoint.replace(b"torch._utils\n_rebuild", b"torch._ut\x1bls\n_rebuild"),
        "bomb.pt": compressed(checkpoint),
        "names.safetensors": header(
            {"a\nb": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}
        ),
        "claims.safetensors": header(
            {"a": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 4]}}
        ),
        "type.safetensors": header({"a": {"dtype": "X", "shape": [0], "data_offsets": [0, 0]}}),
        "name.safetensors": b"\x08" + bytes(7) + b'{"\xff":{}}',
    }.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    return {
        "absent": "no such file",
        "folder": "is a folder",
        "empty": "is empty",
        "text.safetensors": "a Git LFS pointer",
        "short.safetensors": "damaged safetensors",
        "shorter.safetensors": "damaged safetensors",
        "huge.safetensors": "damaged safetensors",
        "short.pt": "damaged checkpoint",
        "damaged.pt": "a zip archive, but no torch checkpoint",
        "number.pt": "holds no dict of tensors",
        "none.pt": "holds no dict of tensors",
        "mixed.pt": r"holds more than tensors \(b\)",
        "script.pt": "a TorchScript program",
        "disks.pt": "damaged checkpoint .zipfiles that span multiple disks",
        "page.pth": "a web page saved in place of the file",
        "packed.pth": "compressed; unpack it first",
        "index.safetensors": "JSON, perhaps the index of a checkpoint in several files",
        "pickle.pt": r"a pickle that torch\.save did not write",
        "escapes.pt": "holds Python objects besides tensors",
        "bomb.pt": "a compressed archive",
        "names.safetensors": r"does not fit x: .*1 unexpected \('a\\nb'\)",
        "claims.safetensors": "damaged safetensors",
        "type.safetensors": "damaged safetensors",
        "name.safetensors": "damaged safetensors .*UTF-8",
        "arrays.npz": r"a NumPy archive \(\.npz\)",
        "all.tar": "a tar archive; unpack it first",
        "pipe": "not a regular file",
        "numbers.pt": r"holds more than tensors \(0\)",
        "meta.pt": r".*of another type \(0\.weight meta float32\)",
        "sparse.pt": r".*of another type \(0\.weight sparse_coo float32\)",
    }


def compressed(checkpoint: bytes) -> bytes:
    """A small file that would fill memory: its pickle goes on with zeros."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(checkpoint)) as archive,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in archive.namelist():
            more = bytes(10**7) if name.endswith("data.pkl") else b""
            bomb.writestr(name, archive.read(name) + more)
    return packed.getvalue()


def header(tensors: dict[str, Any]) -> bytes:
    """A safetensors file of these claims, and four bytes of numbers."""
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text + (b"" if "[0, 0]" in str(tensors) else bytes(4))


def test_explains_bad_files(network: "torch.nn.Module", tmp_path: Path) -> None:
    for name, message in bad_files(tmp_path).items():
        with pytest.raises(ModelError, match=f"{name}: {message}") as caught:
            load_weights(network, str(tmp_path / name), "x")
        assert str(caught.value).isprintable()


def test_no_damage_ends_in_a_traceback(network: "torch.nn.Module", tmp_path: Path) -> None:
    for suffix, legacy in ((".safetensors", False), (".pt", False), (".pt", True)):
        file = tmp_path / f"w{suffix}"
        torch.save(network.state_dict(), file, _use_new_zipfile_serialization=not legacy)
        if suffix == ".safetensors":
            save(network.state_dict(), file)
        good = file.read_bytes()
        for seed in range(120):
            places = random.Random(seed)
            damaged = bytearray(good)
            # The beginning and the end say what the rest is.
            near = places.randrange(400)
            damaged[near if seed % 2 else -near - 1] = places.randrange(256)
            file.write_bytes(damaged if seed % 3 else good[: places.randrange(len(good))])
            # Any other exception is a traceback; damage to a number cannot be seen.
            with suppress(ModelError):
                load_weights(network, str(file), "x")


def test_several_sets_of_weights_need_a_choice(network: "torch.nn.Module", tmp_path: Path) -> None:
    first, second = network.state_dict(), changed(network)
    file = save(
        {"state_dict": first, "ema": {"module": {f"module.{n}": t for n, t in second.items()}}},
        tmp_path / "w.pt",
    )
    with pytest.raises(
        ModelError, match=r"holds 2 sets of .* \(state_dict, ema\.module\); .* --weights-key"
    ):
        load_weights(network, file, "x")
    with pytest.raises(ModelError, match=r"no tensors under --weights-key emma; its sets: state_d"):
        load_weights(network, file, "x", "emma")
    hashes = set()
    for key in ("ema", "ema.module"):
        load_weights(network, file, "x", key)
        assert torch.equal(network.state_dict()["0.weight"], second["0.weight"])
        hashes.add(tensors_sha256(network))
    load_weights(network, file, "x", "state_dict")
    assert torch.equal(network.state_dict()["0.weight"], first["0.weight"])
    assert len(hashes) == 1
    assert tensors_sha256(network) not in hashes


def test_a_key_may_end_in_a_prefix_of_names(network: "torch.nn.Module", tmp_path: Path) -> None:
    second = changed(network)
    both = {f"student.{n}": t for n, t in network.state_dict().items()}
    both |= {f"teacher.{n}": t for n, t in second.items()}
    for content, key in (({"state_dict": both}, "state_dict.teacher"), (both, "teacher")):
        file = save(content, tmp_path / "w.pt")
        with pytest.raises(ModelError, match=r"unexpected \(student\.0\.weight"):
            load_weights(network, file, "x")
        load_weights(network, file, "x", key)
        assert torch.equal(network.state_dict()["0.weight"], second["0.weight"])


def test_sets_of_other_networks_are_refused(network: "torch.nn.Module", tmp_path: Path) -> None:
    other = torch.nn.Linear(2, 2).state_dict()
    file = save({"a": other, "b": other}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"none of its 2 sets of tensors \(a, b\) is this network"):
        load_weights(network, file, "x")


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
