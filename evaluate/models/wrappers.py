"""Define the small modules that sources put around a network, or in place of one.

This file needs torch, so it is imported only where a model is loaded.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from imagenetq.errors import ModelError

_ABSENT = -1e4
_LEAST = 1e-30
_LUMA = (0.299, 0.587, 0.114)

# `torch.compile` cannot look into onnxruntime.
_uncompiled: Any = torch.compiler.disable


class Around(nn.Module):
    """A network around another one."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


class SelectOutputs(Around):
    """A network around one with other outputs, of which it gives the 1,000 that are the classes."""

    outputs: torch.Tensor

    def __init__(self, module: nn.Module, outputs: Sequence[int]) -> None:
        super().__init__(module)
        self.register_buffer("outputs", torch.tensor(outputs), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give logits of shape (n, 1000)."""
        logits: torch.Tensor = self.module(inputs)
        return logits[:, self.outputs]


class Logarithm(Around):
    """A network around one that gives probabilities; it gives their logarithms as logits."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give logits, float32 of shape (n, outputs)."""
        probabilities: torch.Tensor = self.module(inputs)
        return probabilities.float().clamp_min(_LEAST).log()


class OnlyLogits(Around):
    """A network around a model of transformers that gives only the model's logits."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give logits of shape (n, classes)."""
        logits: torch.Tensor = self.module(pixel_values=inputs).logits
        return logits


class OnnxNetwork(nn.Module):
    """An ONNX graph that onnxruntime runs."""

    def __init__(self, session: Any, *, batch: int | None, kinds: dict[str, int]) -> None:
        """Wrap an `onnxruntime.InferenceSession` of one input.

        `batch` is the only batch size that the graph takes; None if it takes any. `kinds` counts
        the graph's operators of each kind.
        """
        super().__init__()
        self.kinds = kinds
        self._session = session
        self._batch = batch
        self._input = session.get_inputs()[0].name
        self._output = session.get_outputs()[0].name

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give the graph's first output, of shape (n, classes), on the inputs' device."""
        outputs: torch.Tensor = _uncompiled(self._infer)(inputs)
        return outputs

    def _infer(self, inputs: torch.Tensor) -> torch.Tensor:
        pictures = np.ascontiguousarray(inputs.detach().float().cpu().numpy())
        size = self._batch or len(pictures)
        pieces = [self._run(pictures[i : i + size]) for i in range(0, len(pictures), size)]
        return torch.from_numpy(np.concatenate(pieces)).to(inputs.device)

    def _run(self, pictures: Any) -> Any:
        n_missing = (self._batch or len(pictures)) - len(pictures)
        if n_missing:
            pictures = np.pad(pictures, ((0, n_missing), (0, 0), (0, 0), (0, 0)), mode="edge")
        (outputs,) = self._session.run([self._output], {self._input: pictures})
        return outputs[: len(outputs) - n_missing]


class NearestPhotograph(nn.Module):
    """A baseline that answers with the class of the clean image whose thumbnail is most similar.

    The logit of a class is the largest cosine similarity to one of its clean images, in grey. It
    is computed in float64 and given in float32, so that the order of summation does not show.
    """

    gallery: torch.Tensor
    labels: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gallery", torch.empty(0, 0, dtype=torch.float64))
        self.register_buffer("labels", torch.empty(0, dtype=torch.int64))

    def fit(self, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        """Remember clean images, in place of any from before.

        They are float32 of shape (n, 3, height, width), 0 to 1; the labels int64 of shape (n,).
        """
        self.gallery = _unit_luma(inputs).to(self.gallery.device)
        self.labels = labels.to(self.gallery.device)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give similarities, float32 of shape (n, 1000); -10,000 for a class without an image."""
        if not len(self.labels):
            raise ModelError("baseline/nearest: has seen no clean photographs yet; fit it first")
        similarities = _unit_luma(inputs) @ self.gallery.double().T
        logits = similarities.new_full((len(inputs), 1000), _ABSENT)
        classes = self.labels.expand_as(similarities)
        return logits.scatter_reduce(1, classes, similarities, "amax").float()


def _unit_luma(inputs: torch.Tensor) -> torch.Tensor:
    red, green, blue = inputs.double().unbind(1)
    luma = (red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]).flatten(1)
    return nn.functional.normalize(luma, dim=1)


class ZeroShotNetwork(Around):
    """A classifier of a network that embeds images and texts.

    A class's logit is the similarity of the image's embedding to the class's, scaled as the network
    has learned.
    """

    embeddings: torch.Tensor

    def __init__(
        self,
        module: nn.Module,
        embeddings: torch.Tensor,
        embed: Callable[[Any, torch.Tensor], torch.Tensor],
    ) -> None:
        """Wrap a network that has a `logit_scale`, and perhaps a `logit_bias`.

        The classes' embeddings have shape (1000, width), each of length 1. `embed` makes embeddings
        of shape (n, width), of any length, of the network and a batch.
        """
        super().__init__(module)
        self.register_buffer("embeddings", embeddings, persistent=False)
        self._embed = embed

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give logits of shape (n, 1000)."""
        module: Any = self.module
        pictures = nn.functional.normalize(self._embed(module, inputs), dim=-1)
        logits: torch.Tensor = module.logit_scale.exp() * (pictures @ self.embeddings.T)
        bias = getattr(module, "logit_bias", None)
        return logits if bias is None else logits + bias
