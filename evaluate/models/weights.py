"""Weights from a file: tensors only, never code; and the hash that names them."""

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagenetq.errors import ModelError
from imagenetq.evaluate.models.messages import one_line
from imagenetq.files import sha256_of

if TYPE_CHECKING:
    import torch
    from torch import nn

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.", "model.")
_N_NAMED = 3
_CONVERT = (
    'python -c "import sys, torch, safetensors.torch as s; '
    "c = torch.load(sys.argv[1], map_location='cpu', weights_only=False); "
    "s.save_file(c.get('state_dict', c.get('model', c)), sys.argv[1] + '.safetensors')\""
)
# PyTorch counts training batches here; evaluation never reads it, and converters leave it out.
_UNUSED = "num_batches_tracked"


def load_weights(module: "nn.Module", file: str, model: str) -> str:
    """Load a file's tensors into a network, all of them and nothing else.

    Takes safetensors, and torch checkpoints that hold nothing but tensors and plain containers.
    The usual wrappings are removed: an outer `state_dict` or `model`, and a prefix such as
    `module.` that the network does not have. Half-precision tensors become float32.

    Args:
        module: the network.
        file: path of the weights.
        model: the model's name, for messages.

    Returns:
        Hex SHA-256 of the file.

    Raises:
        ModelError: the file cannot be read, holds other things than tensors, or does not fit.
    """
    import torch

    path = Path(file)
    tensors = _unwrapped(read_tensors(path), module.state_dict().keys(), path)
    _require_fit(tensors, module.state_dict(), path, model)
    converted = {
        name: tensor.to(torch.float32) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    module.load_state_dict({**_counters(module), **converted}, strict=True)
    return sha256_of(path)


def tensors_sha256(module: "nn.Module") -> str:
    """Hex SHA-256 of a network's tensors.

    In order of their names, each as a line `name TAB dtype TAB shape LF`, such as
    `conv.weight TAB float32 TAB 64,3,3,3 LF`, and then its elements in row-major order as
    little-endian bytes.
    """
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        dtype = str(tensor.dtype).removeprefix("torch.")
        shape = ",".join(str(side) for side in tensor.shape)
        digest.update(f"{name}\t{dtype}\t{shape}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()


def read_tensors(path: Path) -> Any:
    """What a weights file holds: a dict of tensors, perhaps wrapped.

    Raises:
        ModelError: the file cannot be read, or needs code to be run.
    """
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "no such file"
        raise ModelError(f"{path}: {reason}; --weights takes a safetensors file or checkpoint")
    try:
        with path.open("rb") as file:
            start = file.read(9)
        # A legacy checkpoint is a bare pickle, whose protocol byte no safetensors header has.
        if zipfile.is_zipfile(path) or (start[:1] == b"\x80" and start[8:9] != b"{"):
            return _read_checkpoint(path)
        return _read_safetensors(path, start)
    except MemoryError:
        raise ModelError(f"{path}: does not fit in memory; is it the right file?") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({one_line(error)})") from None


def _read_safetensors(path: Path, start: bytes) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if start[8:9] != b"{":
        raise ModelError(
            f"{path}: neither safetensors nor a torch checkpoint, or cut short; get it again"
        )
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except SafetensorError as error:
        raise ModelError(f"{path}: damaged safetensors ({one_line(error)}); get it again") from None
    return tensors


def _read_checkpoint(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f" ({found[1]})" if found else ""
        raise ModelError(
            f"{path}: holds Python objects besides tensors{what}, and loading those can run code; "
            "save the network's state_dict() alone, or, if you trust the file, convert it: "
            f"{_CONVERT} {path}"
        ) from None
    except Exception as error:  # A damaged archive raises many types.
        if "TorchScript" in str(error):
            raise ModelError(
                f"{path}: a TorchScript program, which is code; save its state_dict() instead"
            ) from None
        raise ModelError(f"{path}: damaged checkpoint ({one_line(error)}); get it again") from None


def _unwrapped(content: Any, expected: Any, path: Path) -> "dict[str, torch.Tensor]":
    import torch

    while isinstance(content, Mapping):
        inner = [content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"{path}: holds no dict of tensors; save the network's state_dict()")
    strangers = [name for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise ModelError(
            f"{path}: holds more than tensors ({_named(map(str, strangers))}); save the network's "
            "state_dict()"
        )
    tensors = dict(content)
    for prefix in _PREFIXES:
        foreign = not any(name.startswith(prefix) for name in expected)
        if foreign and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _require_fit(
    tensors: "Mapping[str, torch.Tensor]",
    expected: "Mapping[str, torch.Tensor]",
    path: Path,
    model: str,
) -> None:
    missing = [name for name in expected if name not in tensors and not name.endswith(_UNUSED)]
    unexpected = [name for name in tensors if name not in expected]
    both = [name for name in tensors if name in expected]
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} for {tuple(expected[name].shape)}"
        for name in both
        if tensors[name].shape != expected[name].shape
    ]
    # An integer weight is a quantised one; copied as it is, it would be silently wrong.
    mistyped = [
        f"{name} {str(tensors[name].dtype).removeprefix('torch.')}"
        for name in both
        if tensors[name].is_floating_point() != expected[name].is_floating_point()
    ]
    problems = {
        "missing": missing,
        "unexpected": unexpected,
        "of another shape": misshapen,
        "of another type": mistyped,
    }
    found = [f"{len(names)} {what} ({_named(names)})" for what, names in problems.items() if names]
    if found:
        raise ModelError(
            f"{path}: does not fit {model}: of its tensors {', '.join(found)}; check the model's "
            "name and its --model-arg"
        )


def _counters(module: "nn.Module") -> "dict[str, torch.Tensor]":
    return {n: t for n, t in module.state_dict().items() if n.endswith(_UNUSED)}


def _named(names: Any) -> str:
    names = list(names)
    more = ", .." if len(names) > _N_NAMED else ""
    return ", ".join(names[:_N_NAMED]) + more
