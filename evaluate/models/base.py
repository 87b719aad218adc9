"""What every kind of model is, once it is loaded."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagenetq.entry import EntryModel, Outputs
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing
from imagenetq.evaluate.models.weights import Weights

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class LoadOptions:
    """What the user may override when a model is loaded.

    Attributes:
        weights: a safetensors file, a checkpoint that holds nothing but tensors, or a
            `.caffemodel`; None takes the source's own pretrained weights.
        arguments: passed to the model's constructor, such as `{"pad_type": "same"}`.
        preprocessing: values to replace, such as `{"mean": 0.5}`; see `overrides.overridden`.
        class_map: for a model of other than 1,000 outputs, which output each class is.
        weights_key: which to take of a checkpoint that holds several networks' weights, such as
            `state_dict_ema`.
    """

    weights: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)
    class_map: tuple[int, ...] | None = None
    weights_key: str | None = None


@dataclass(frozen=True)
class Network:
    """What a source loads; `load_model` checks it and makes a `Model` of it.

    Attributes:
        module: as in `Model`, but of any number of outputs and in any mode.
        preprocessing: as in `Model`, before the user's overrides.
        weights: which they are; None if it has none.
        parameters: how many, where the module itself does not hold them.
        published_top1: as in `Model`.
        licence: as in `Model`.
        needs_fit: as in `Model`.
    """

    module: "nn.Module"
    preprocessing: AnyPreprocessing
    weights: Weights | None
    parameters: int | None = None
    published_top1: float | None = None
    licence: str | None = None
    needs_fit: Callable[[Any, Any], None] | None = None


@dataclass(frozen=True)
class Source:
    """A place where models come from.

    Attributes:
        form: what its names look like.
        summary: one line for the list of sources.
        load: from the part of the name after the source's own, and options, to the network; it
            raises `UsageError` or `ModelError`.
    """

    form: str
    summary: str
    load: Callable[[str, LoadOptions], Network]


@dataclass(frozen=True)
class Model:
    """A loaded classifier.

    Attributes:
        name: as the user named it, such as `timm/vgg16`.
        module: from a float32 batch of shape (n, 3, height, width), normalised, to logits of
            shape (n, 1000), or to what `outputs` says; in evaluation mode, on the CPU.
        preprocessing: from a picture to the module's input.
        weights_sha256: hex SHA-256 of the weights' file, or of the tensors where there is none.
        parameters: how many.
        published_top1: clean top-1 accuracy that the source states, 0 to 1; None if none.
        licence: of the weights; None if unknown.
        arguments: of the constructor.
        weights_file: the name of the file that the user gave; None for the source's own weights.
        overrides: what the user replaced in the preprocessing.
        class_map: which of the network's outputs each class is; None if they are the classes.
        needs_fit: a model that must see the clean images first fits itself with this; it gets
            the inputs of all of them as float32 of shape (n, 3, height, width), and the labels
            as int64 of shape (n,).
        tensors_sha256: of the tensors by themselves, whatever file they came from.
        weights_key: which the user chose of a file that holds several networks' weights.
        outputs: what the module gives, once that was decided (`settle`); None before, when a
            network that ends in a softmax still gives probabilities.
    """

    name: str
    module: "nn.Module"
    preprocessing: AnyPreprocessing
    weights_sha256: str | None
    parameters: int
    published_top1: float | None = None
    licence: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    weights_file: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    class_map: tuple[int, ...] | None = None
    needs_fit: Callable[[Any, Any], None] | None = None
    tensors_sha256: str | None = None
    weights_key: str | None = None
    outputs: Outputs | None = None

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
        )
