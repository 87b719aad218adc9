"""What every kind of model is, once it is loaded."""

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
    """What the user may override when a model is loaded."""

    weights: str | None = None
    """A safetensors file, a checkpoint that holds nothing but tensors, or a `.caffemodel`; None
    takes the source's own pretrained weights."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """Passed to the model's constructor, such as `{"pad_type": "same"}`."""

    preprocessing: dict[str, Any] = field(default_factory=dict)
    """Values to replace, such as `{"mean": 0.5}`; see `overrides.overridden`."""

    class_map: tuple[int, ...] | None = None
    """For a model of other than 1,000 outputs, which output each class is."""

    weights_key: str | None = None
    """Which to take of a checkpoint that holds several networks' weights, such as `state_dict_ema`.
    """


@dataclass(frozen=True)
class Network:
    """What a source loads; `load_model` checks it and makes a `Model` of it."""

    module: "nn.Module"
    """As in `Model`, but of any number of outputs and in any mode."""

    preprocessing: AnyPreprocessing
    """As in `Model`, before the user's overrides."""

    weights: Weights | None
    """Which they are; None if it has none."""

    parameters: int | None = None
    """How many, where the module itself does not hold them."""

    published_top1: float | None = None
    """As in `Model`."""

    licence: str | None = None
    """As in `Model`."""

    needs_fit: Callable[[Any, Any], None] | None = None
    """As in `Model`."""

    zero_shot: ZeroShot | None = None
    """As in `Model`."""


@dataclass(frozen=True)
class Source:
    """A place where models come from."""

    form: str
    """What its names look like."""

    summary: str
    """One line for the list of sources."""

    load: Callable[[str, LoadOptions], Network]
    """From the part of the name after the source's own, and options, to the network; it raises
    `UsageError` or `ModelError`."""


@dataclass(frozen=True)
class Model:
    """A loaded classifier."""

    name: str
    """As the user named it, such as `timm/vgg16`."""

    module: "nn.Module"
    """From a float32 batch of shape (n, 3, height, width), normalised, to logits of shape (n,
    1000), or to what `outputs` says; in evaluation mode, on the CPU."""

    preprocessing: AnyPreprocessing
    """From a picture to the module's input."""

    weights_sha256: str | None
    """Hex SHA-256 of the weights' file, or of the tensors where there is none."""

    parameters: int
    """How many."""

    published_top1: float | None = None
    """Clean top-1 accuracy that the source states, 0 to 1; None if none."""

    licence: str | None = None
    """Of the weights; None if unknown."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """Of the constructor."""

    weights_file: str | None = None
    """The name of the file that the user gave; None for the source's own weights."""

    overrides: dict[str, Any] = field(default_factory=dict)
    """What the user replaced in the preprocessing."""

    class_map: tuple[int, ...] | None = None
    """Which of the network's outputs each class is; None if they are the classes."""

    needs_fit: Callable[[Any, Any], None] | None = None
    """A model that must see the clean images first fits itself with this; it gets the inputs of all
    of them as float32 of shape (n, 3, height, width), and the labels as int64 of shape (n,)."""

    tensors_sha256: str | None = None
    """Of the tensors by themselves, whatever file they came from."""

    weights_key: str | None = None
    """Which the user chose of a file that holds several networks' weights."""

    outputs: Outputs | None = None
    """What the module gives, once that was decided (`settle`); None before, when a network that
    ends in a softmax still gives probabilities."""

    zero_shot: ZeroShot | None = None
    """How a network without classes of its own was given them; else None."""

    def described(self) -> EntryModel:
        """Describe it as an entry does.

        Raises:
            ValidationError: its arguments or overrides are nothing that an entry can hold.
        """
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
