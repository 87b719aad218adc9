"""Define what every kind of model is once it is loaded, and what may be overridden before."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagenetq.entry import EntryModel, Outputs, ZeroShot
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing
from imagenetq.evaluate.models.weights import Weights

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class LoadOptions:
    """The options with which a user may change how a model is loaded."""

    weights: str | None = None
    """Path of a safetensors file, of a checkpoint that holds nothing but tensors, or of a
    `.caffemodel` file; None takes the source's own pretrained weights."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """Arguments for the model's constructor, such as `{"pad_type": "same"}`."""

    preprocessing: dict[str, Any] = field(default_factory=dict)
    """Preprocessing values to replace, such as `{"mean": 0.5}`; `overridden` lists their names."""

    class_map: tuple[int, ...] | None = None
    """Output of the network for each of the 1,000 classes; None if the outputs are the classes."""

    weights_key: str | None = None
    """Place of the wanted weights in a checkpoint that holds several sets of them, such as
    `state_dict_ema`; None if there is nothing to choose."""


@dataclass(frozen=True)
class Network:
    """A network as its source loads it; `load_model` checks it and makes a `Model` of it."""

    module: "nn.Module"
    """The network on the CPU, with any number of outputs and in any mode."""

    preprocessing: AnyPreprocessing
    """Preprocessing that turns an image into the module's input."""

    weights: Weights | None
    """Hashes of the weights; None if the network has none."""

    parameters: int | None = None
    """Number of parameters; None if the module itself holds them, so that they can be counted."""

    published_top1: float | None = None
    """Clean top-1 accuracy that the source states, 0 to 1; None if it states none."""

    licence: str | None = None
    """Licence of the weights; None if unknown."""

    needs_fit: Callable[[Any, Any], None] | None = None
    """Function that fits a network which must see the clean images first; None for any other. It
    takes the inputs of all clean images, float32 of shape (n, 3, height, width), and their labels,
    int64 of shape (n,)."""

    zero_shot: ZeroShot | None = None
    """Hashes of the prompts and embeddings that gave the network its classes; None if it has
    classes of its own."""


@dataclass(frozen=True)
class ModelSource:
    """A place where models come from."""

    form: str
    """Form of the names of its models, such as `timm/NAME`."""

    summary: str
    """One line for the list of sources."""

    load: Callable[[str, LoadOptions], Network]
    """Function that loads a network from the part of its name after the source's, with options; it
    raises `UsageError` or `ModelError`."""


@dataclass(frozen=True, kw_only=True)
class Model(Network):
    """A loaded classifier: a network whose module is in evaluation mode and knows 1,000 classes.

    The module takes a normalised float32 batch of shape (n, 3, height, width) and gives logits of
    shape (n, 1000). While `outputs` is None, these may still be probabilities.
    """

    name: str
    """Name that the user gave, such as `timm/vgg16`."""

    parameters: int
    """Number of parameters."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """Arguments that the user gave for the constructor."""

    weights_file: str | None = None
    """Name of the weights file that the user gave; None for the source's own weights."""

    overrides: dict[str, Any] = field(default_factory=dict)
    """Preprocessing values that the user replaced."""

    class_map: tuple[int, ...] | None = None
    """Output of the network for each of the 1,000 classes; None if the outputs are the classes."""

    outputs: Outputs | None = None
    """Kind of the network's own outputs; None until `settle` has found it and made `module` give
    logarithms in place of probabilities."""

    @property
    def weights_sha256(self) -> str | None:
        """Hex SHA-256 of the weights' file, or of the tensors without one; None without weights."""
        return None if self.weights is None else self.weights.sha256

    @property
    def tensors_sha256(self) -> str | None:
        """Hex SHA-256 of the tensors, whatever file they came from; None without weights."""
        return None if self.weights is None else self.weights.tensors_sha256

    @property
    def weights_key(self) -> str | None:
        """Place of the weights that the user chose in a file with several sets; else None."""
        return None if self.weights is None else self.weights.key

    def described(self) -> EntryModel:
        """Describe the model as an entry does, which may refuse its arguments or overrides."""
        return EntryModel(
            name=self.name,
            weights_sha256=self.weights_sha256,
            parameters=self.parameters,
            input_size=self.preprocessing.input_size,
            preprocessing=self.preprocessing.record(),
            arguments=self.arguments,
            tensors_sha256=self.tensors_sha256,
            weights_key=self.weights_key,
            outputs=self.outputs,
            weights_file=self.weights_file,
            overrides=json.loads(json.dumps(self.overrides)),
            class_map=self.class_map,
            zero_shot=self.zero_shot,
        )
