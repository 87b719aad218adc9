"""What a network's filters answer: the outputs of chosen layers, caught on their way.

This file needs torch, so it is imported only where Figure 4 is drawn.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imagenetq.distortions import Pixels
from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.models.load_errors import one_line
from imagenetq.evaluate.models.preprocessing import normalise


@dataclass(frozen=True, eq=False)
class Responses:
    """One layer's outputs."""

    layer: str
    """Its name in the network."""

    maps: NDArray[np.float32]
    """Float32 of shape (pictures, channels, height, width)."""


def responses(
    model: Model, pictures: Sequence[Pixels], layers: Sequence[str] | None = None
) -> list[Responses]:
    """Send pictures through a network and keep what some of its layers give.

    Unless layers are named, these are the first and the last convolution in the order in which
    they run. One whose maps are a single pixel, as in a squeeze-and-excitation block or a
    classifier that is written as a convolution, is no picture of anything and is passed over. The
    outputs are those of the convolution itself, before any normalisation or rectifier.

    Args:
        model: the network, which prepares the pictures in its own way.
        pictures: RGB samples of shape (height, width, 3), all of one size.
        layers: names of modules that give (n, channels, height, width), as
            `module.named_modules()` has them.

    Returns:
        One for each layer; a single one if the first convolution is also the last.

    Raises:
        UsageError: the network has no layer of that name; near names are suggested.
        ModelError: it has no convolution, or a named layer gives no maps.
    """
    inputs = _inputs(model, pictures)
    modules = dict(model.module.named_modules())
    if layers is not None:
        require_layers(model, layers)
        caught = _run(model, inputs, {layer: modules[layer] for layer in dict.fromkeys(layers)})
        missing = [layer for layer in layers if layer not in caught]
        if missing:
            raise ModelError(
                f"{model.name}: {missing[0]} gives no maps of more than a pixel; name another layer"
            )
        return [Responses(layer, caught[layer]) for layer in dict.fromkeys(layers)]
    convolutions: dict[str, nn.Module] = {
        name: module for name, module in modules.items() if isinstance(module, nn.Conv2d)
    }
    # One without any is not run: an ONNX file would be for nothing, and a baseline not fitted yet.
    caught = _run(model, inputs, convolutions, only_ends=True) if convolutions else {}
    if not caught:
        raise ModelError(
            f"{model.name}: has no convolutional layer whose filters could be shown; Figure 4 "
            "needs one (--layer names others)"
        )
    return [Responses(layer, maps) for layer, maps in caught.items()]


def require_layers(model: Model, layers: Sequence[str]) -> None:
    """Refuse names of layers that a network does not have.

    Raises:
        UsageError: the first of them; near names are suggested.
    """
    modules = dict(model.module.named_modules())
    for layer in layers:
        if layer not in modules or not layer:
            raise UsageError(_no_layer(model.name, layer, modules))


def _inputs(model: Model, pictures: Sequence[Pixels]) -> torch.Tensor:
    prepared = [model.preprocessing.pixels(picture) for picture in pictures]
    return normalise(torch.from_numpy(np.stack(prepared)), model.preprocessing)


def _run(
    model: Model, inputs: torch.Tensor, watched: dict[str, nn.Module], *, only_ends: bool = False
) -> dict[str, NDArray[np.float32]]:
    """The watched layers' maps, in the order in which they ran; or of the first and last alone."""
    caught: dict[str, NDArray[np.float32]] = {}

    def keep(name: str, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or output.ndim != 4 or name in caught:
            return
        if output.shape[2] * output.shape[3] == 1:
            return
        if only_ends and len(caught) == 2:
            caught.popitem()
        # A copy, since rectifiers often work in place.
        caught[name] = output.detach().float().cpu().numpy().copy()

    with _hooked(watched, keep), torch.inference_mode():
        try:
            model.module(inputs)
        except Exception as error:  # Networks raise whatever their authors chose.
            raise ModelError(
                f"{model.name}: does not run on this picture ({one_line(error)})"
            ) from None
    return caught


@contextmanager
def _hooked(watched: dict[str, nn.Module], keep: Any) -> Iterator[None]:
    """While it lasts, `keep` gets the name and output of each watched layer that runs."""

    def hook(name: str) -> Any:
        return lambda _module, _inputs, output: keep(name, output)

    handles = [module.register_forward_hook(hook(name)) for name, module in watched.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _no_layer(model: str, layer: str, modules: dict[str, nn.Module]) -> str:
    known = [name for name in modules if name]
    convolutions = [name for name in known if isinstance(modules[name], nn.Conv2d)]
    near = difflib.get_close_matches(layer, known, n=3, cutoff=0.5) or convolutions[:3]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{model} has no layer {layer!r}{hint}"
