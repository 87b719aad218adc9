"""Collect how a network's filters respond to images: the outputs of chosen layers.

This file needs torch, so it is imported only where Figure 4 is drawn.
"""

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
from imagenetq.words import did_you_mean


@dataclass(frozen=True, eq=False)
class Responses:
    """One layer's outputs."""

    layer: str
    maps: NDArray[np.float32]
    """The outputs; float32 of shape (images, channels, height, width)."""


def responses(
    model: Model, pictures: Sequence[Pixels], layers: Sequence[str] | None = None
) -> list[Responses]:
    """Send images through a network and keep the outputs of some of its layers.

    Unless layers are named, as in `module.named_modules()`, these are the first and the last
    convolution in the order in which they run. Convolutions whose maps are a single pixel are
    passed over, since they show nothing: those in squeeze-and-excitation blocks, or classifiers
    that are written as convolutions. The outputs are those of the convolution itself, before any
    normalisation or rectifier. If the first is also the last, there is one.

    The images are uint8 RGB of shape (height, width, 3), all of one size.
    """
    prepared = np.stack([model.preprocessing.pixels(picture) for picture in pictures])
    inputs = normalise(torch.from_numpy(prepared), model.preprocessing)
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
    # Without convolutions nothing is run: an ONNX file would run for nothing, and a baseline that
    # is not fitted yet cannot run.
    caught = _run(model, inputs, convolutions, only_ends=True) if convolutions else {}
    if not caught:
        raise ModelError(
            f"{model.name}: has no convolutional layer whose filters could be shown; Figure 4 "
            "needs one (--layer names others)"
        )
    return [Responses(layer, maps) for layer, maps in caught.items()]


def require_layers(model: Model, layers: Sequence[str]) -> None:
    """Refuse names of layers that a network does not have; near names are suggested."""
    modules = {name: module for name, module in model.module.named_modules() if name}
    convolutions = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    for layer in layers:
        if layer not in modules:
            hint = did_you_mean(layer, modules, convolutions[:3])
            raise UsageError(f"{model.name} has no layer {layer!r}{hint}")


def _run(
    model: Model, inputs: torch.Tensor, watched: dict[str, nn.Module], *, only_ends: bool = False
) -> dict[str, NDArray[np.float32]]:
    """Collect the watched layers' maps in the order in which the layers run.

    With `only_ends` the first and the last alone are kept.
    """
    caught: dict[str, NDArray[np.float32]] = {}

    def keep(name: str, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or output.ndim != 4 or name in caught:
            return
        if output.shape[2] * output.shape[3] == 1:
            return
        if only_ends and len(caught) == 2:
            caught.popitem()
        # Copied, since rectifiers often work in place.
        caught[name] = output.detach().float().cpu().numpy().copy()

    with _hooked(watched, keep), torch.inference_mode():
        try:
            model.module(inputs)
        except Exception as error:  # A network's own code may raise anything.
            raise ModelError(
                f"{model.name}: does not run on this picture ({one_line(error)})"
            ) from None
    return caught


@contextmanager
def _hooked(watched: dict[str, nn.Module], keep: Any) -> Iterator[None]:
    """Call `keep` with the name and output of each watched layer that runs within the context."""

    def hook(name: str) -> Any:
        return lambda _module, _inputs, output: keep(name, output)

    handles = [module.register_forward_hook(hook(name)) for name, module in watched.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
