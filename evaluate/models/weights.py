"""Load weights from files that hold only tensors, never code, and hash them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from imagenetq.errors import ModelError
from imagenetq.evaluate.models.load_errors import counted_problems
from imagenetq.evaluate.models.weights_files import read_tensors
from imagenetq.evaluate.models.weights_sets import choose_tensors
from imagenetq.files import sha256_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from imagenetq.evaluate.models.base import LoadOptions

# PyTorch counts training batches here; evaluation never reads it, and converters leave it out.
_UNUSED = "num_batches_tracked"
_WITHOUT_NUMBERS = ("sparse", "meta")
"""Beginnings of the types of tensors that cannot be copied number by number."""


@dataclass(frozen=True)
class Weights:
    """The hashes that identify a network's weights."""

    sha256: str
    """Hex SHA-256 of the weights' file, or of the tensors if there is no file."""

    tensors_sha256: str
    """Hex SHA-256 of the tensors alone, whatever file they came from."""

    key: str | None = None
    """Place of the weights that the user chose in a file with several sets of them; None if the
    user chose none."""

    @classmethod
    def of(cls, module: "nn.Module") -> "Weights":
        """Hash the weights that a network has already."""
        sha256 = tensors_sha256(module)
        return cls(sha256, sha256)

    @classmethod
    def given(cls, module: "nn.Module", options: "LoadOptions", model: str) -> "Weights":
        """Load and hash the weights file of the options; without one, hash those there are."""
        if options.weights is None:
            return cls.of(module)
        sha256 = load_weights(module, options.weights, model, options.weights_key)
        return cls(sha256, tensors_sha256(module), options.weights_key)


def load_weights(module: "nn.Module", file: str, model: str, key: str | None = None) -> str:
    """Load a file's tensors into a network, all of them and nothing else; give its SHA-256.

    The file may be a safetensors file, or a torch checkpoint that holds nothing but tensors and
    plain containers. The usual wrappings are removed: outer dicts such as `state_dict`, and a
    prefix such as `module.` that all names share and the network does not have. Floating-point
    tensors become float32. Of a file that holds several networks' weights, `key` chooses, such as
    `state_dict_ema`; messages name the model.
    """
    path = Path(file)
    expected = module.state_dict()
    tensors = choose_tensors(read_tensors(path), expected.keys(), path, key)
    _require_fit(tensors, expected, path, model)
    # They hold all but perhaps the counters, which stay as they are.
    converted = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    module.load_state_dict(expected | converted)
    return sha256_of(path)


def tensors_sha256(module: "nn.Module") -> str:
    """Give the hex SHA-256 of a network's tensors.

    They are hashed in order of their names. Each is a line `name TAB dtype TAB shape LF`, such as
    `conv.weight TAB float32 TAB 64,3,3,3 LF`, and then its elements in row-major order as
    little-endian bytes.
    """
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        dtype = str(tensor.dtype).removeprefix("torch.")
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        add_tensor(digest, name, dtype, tensor.shape, flat.view(torch.uint8).numpy())
    return digest.hexdigest()


def add_tensor(
    digest: Any, name: str, dtype: str, shape: Iterable[int], elements: NDArray[Any]
) -> None:
    """Add one tensor to a digest, in the form that `tensors_sha256` describes."""
    digest.update(f"{name}\t{dtype}\t{','.join(map(str, shape))}\n".encode())
    digest.update(elements)


def _require_fit(
    tensors: "Mapping[str, torch.Tensor]",
    expected: "Mapping[str, torch.Tensor]",
    path: Path,
    model: str,
) -> None:
    missing = [name for name in expected if name not in tensors and not name.endswith(_UNUSED)]
    both = [name for name in tensors if name in expected]
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} for {tuple(expected[name].shape)}"
        for name in both
        if tensors[name].shape != expected[name].shape
    ]
    # An integer in place of a real number is a quantised weight, and would be silently wrong.
    mistyped = [
        f"{name} {_type_of(tensors[name])}"
        for name in both
        if _type_of(tensors[name]).startswith(_WITHOUT_NUMBERS)
        or tensors[name].is_floating_point() != expected[name].is_floating_point()
    ]
    problems = counted_problems(
        {
            "missing": missing,
            "unexpected": [name for name in tensors if name not in expected],
            "of another shape": misshapen,
            "of another type": mistyped,
        }
    )
    if problems:
        raise ModelError(
            f"{path}: does not fit {model}: of its tensors {problems}; check the model's name and "
            "its --model-arg"
        )


def _type_of(tensor: "torch.Tensor") -> str:
    layout = "" if str(tensor.layout) == "torch.strided" else f"{tensor.layout} "
    meta = "meta " if tensor.is_meta else ""
    return f"{layout}{meta}{tensor.dtype}".replace("torch.", "")
