"""Do the last steps of loading, the same for every source: overrides, outputs and class map."""

from pathlib import PurePath
from typing import TYPE_CHECKING

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models.base import LoadOptions, Model, Network
from imagenetq.evaluate.models.load_errors import one_line
from imagenetq.evaluate.models.preprocessing import USUAL_SIZE, Size
from imagenetq.evaluate.models.preprocessing_overrides import overridden

if TYPE_CHECKING:
    from torch import nn

N_CLASSES = 1000


def assemble(name: str, network: Network, options: LoadOptions) -> Model:
    """Make a `Model` of what a source loaded."""
    module = network.module.eval()
    n_parameters = network.parameters
    if n_parameters is None:
        n_parameters = sum(parameter.numel() for parameter in module.parameters())
    preprocessing = overridden(network.preprocessing, options.preprocessing)
    if network.needs_fit is None:
        n_outputs = _count_outputs(name, module, preprocessing.input_size or USUAL_SIZE)
        module = _with_thousand_outputs(name, module, n_outputs, options.class_map)
    elif options.class_map is not None:
        raise UsageError(f"{name}: takes no class map; leave it out")
    own = vars(network) | {
        "module": module,
        "preprocessing": preprocessing,
        "parameters": n_parameters,
    }
    return Model(
        name=name,
        arguments=dict(options.arguments),
        weights_file=None if options.weights is None else PurePath(options.weights).name,
        overrides=dict(options.preprocessing),
        class_map=options.class_map,
        # Models that fit themselves are ours, and give logits.
        outputs=None if network.needs_fit is None else "logits",
        **own,
    )


def _count_outputs(name: str, module: "nn.Module", size: Size) -> int:
    import torch

    try:
        with torch.inference_mode():
            outputs = module(torch.zeros(1, 3, *size))
    except Exception as error:  # Networks raise whatever their authors chose.
        raise ModelError(
            f"{name}: does not run on an input of {size[0]}x{size[1]} pixels "
            f"({one_line(error)}); try another --input-size or --model-arg img_size={size[0]}"
        ) from None
    if not isinstance(outputs, torch.Tensor):
        raise ModelError(
            f"{name}: gives a {type(outputs).__name__}, not a tensor of logits; "
            "wrap it in a module that returns the logits (python/MODULE:CALLABLE)"
        )
    if outputs.ndim != 2 or len(outputs) != 1 or not outputs.is_floating_point():
        raise ModelError(
            f"{name}: gives {outputs.dtype} of shape {tuple(outputs.shape)} for one picture; "
            "it must give floating-point logits of shape (1, 1000)"
        )
    return outputs.shape[1]


def _with_thousand_outputs(
    name: str, module: "nn.Module", n_outputs: int, class_map: tuple[int, ...] | None
) -> "nn.Module":
    from imagenetq.evaluate.models.wrappers import SelectOutputs

    if class_map is None:
        if n_outputs != N_CLASSES:
            shift = "; 1..1000 if output 0 is the background" if n_outputs == 1001 else ""
            raise ModelError(
                f"{name}: has {n_outputs} outputs, not {N_CLASSES}; give a class map that says "
                f"which output each of the {N_CLASSES} classes is{shift}"
            )
        return module
    if len(class_map) != N_CLASSES or len(set(class_map)) != N_CLASSES:
        raise UsageError(
            f"the class map has {len(class_map)} entries, {len(set(class_map))} of them "
            f"different; it must give each of the {N_CLASSES} classes an output of its own"
        )
    wrong = [index for index in class_map if not 0 <= index < n_outputs]
    if wrong:
        raise UsageError(
            f"the class map names output {wrong[0]}, but {name} has outputs 0..{n_outputs - 1}"
        )
    return SelectOutputs(module, class_map)
