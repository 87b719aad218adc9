"""Fill a network from a `.caffemodel` file: all of its layers, and nothing else."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from imagenetq.errors import ModelError
from imagenetq.evaluate.models.caffe.caffemodel import (
    Blob,
    blobs_of_layers,
    copy_numbers,
    same_shape,
)
from imagenetq.evaluate.models.caffe.protobuf_wire import DamagedMessage, Wire
from imagenetq.evaluate.models.load_errors import counted_problems, one_line

if TYPE_CHECKING:
    from torch import nn

_ROLES = {0: "weight", 1: "bias"}


def filled(
    build: Callable[[], "nn.Module"],
    path: Path,
    model: str,
    *,
    most_bytes: int,
    left_out: tuple[str, ...] = (),
) -> "nn.Module":
    """Build a network and fill it from a `.caffemodel` file; messages name the model.

    The numbers go from the file straight into the network, so no more memory is needed than the
    network takes. The input channels of the first convolution are put in reverse order, so that the
    network takes RGB where Caffe takes BGR. The modules have the layers' names, perhaps with dots
    for slashes. The file may hold layers that the network lacks if their names begin as `left_out`
    says; one of more than `most_bytes` is refused unread.
    """
    import torch

    with torch.device("meta"):
        network = build()
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "no such file"
        raise ModelError(f"{path}: {reason}; --weights takes a .caffemodel file for {model}")
    try:
        with path.open("rb") as file:
            wire = Wire(file)
            _require_size(network, wire.size, path, model, most_bytes)
            layers = blobs_of_layers(wire)
            blobs = _fitting(layers, _by_caffes_name(network), path, model, left_out)
            network = network.to_empty(device="cpu")
            for name, parameter in _by_caffes_name(network).items():
                try:
                    copy_numbers(wire, blobs[name], parameter.detach().numpy())
                except DamagedMessage as error:
                    raise DamagedMessage(f"{name}: {error}") from None
    except DamagedMessage as error:
        raise ModelError(f"{path}: damaged .caffemodel ({error}); get it again") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({one_line(error)})") from None
    first = next(network.parameters())
    with torch.no_grad():
        first.copy_(first.flip(1))
    return network


def _require_size(
    network: "nn.Module", n_bytes: int, path: Path, model: str, most_bytes: int
) -> None:
    fewest = 4 * sum(parameter.numel() for parameter in network.parameters())
    if not fewest <= n_bytes <= most_bytes:
        cut = "cut short, or " if n_bytes < fewest else ""
        raise ModelError(
            f"{path}: {n_bytes:,} bytes, but the weights of {model} take {fewest:,}; it is {cut}of "
            "another network"
        )


def _fitting(
    layers: dict[str, tuple[Blob, ...]],
    wanted: dict[str, "nn.Parameter"],
    path: Path,
    model: str,
    left_out: tuple[str, ...],
) -> dict[str, Blob]:
    """Find the blob of each of the network's parameters, by the parameter's name."""
    loaded = {
        f"{layer} {_ROLES.get(index, f'blob {index}')}": blob
        for layer, blobs in layers.items()
        if not layer.startswith(left_out)
        for index, blob in enumerate(blobs)
    }
    shapes = {name: tuple(wanted[name].shape) for name in wanted if name in loaded}
    alike = {name: shape for name, shape in shapes.items() if same_shape(loaded[name].shape, shape)}
    problems = counted_problems(
        {
            "missing": [name for name in wanted if name not in loaded],
            "unexpected": [name for name in loaded if name not in wanted],
            "of another shape": [
                f"{name} {loaded[name].shape} for {shape}"
                for name, shape in shapes.items()
                if name not in alike
            ],
            "of another size": [
                f"{name} {loaded[name].size:,} for {math.prod(shape):,}"
                for name, shape in alike.items()
                if loaded[name].size != math.prod(shape)
            ],
        }
    )
    if problems:
        raise ModelError(
            f"{path}: does not fit {model}: of its arrays {problems}; is it another network's file?"
        )
    return loaded


def _by_caffes_name(network: "nn.Module") -> dict[str, "nn.Parameter"]:
    """List the parameters by the names that messages use, such as `inception_3a/1x1 weight`."""
    names = ((name.rpartition("."), value) for name, value in network.named_parameters())
    return {f"{layer.replace('.', '/')} {role}": value for (layer, _, role), value in names}
